package sqstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
)

// receipt is what a receipt handle says: which receive of which message of
// which queue. The handle is sealed with the server's key, so that a made-up or
// altered one is told from a stale one.
type receipt struct {
	queueID   string
	messageID string
	receive   int // the message's receive count when the handle was made
}

func (r receipt) handle(key []byte) string {
	text := r.queueID + " " + r.messageID + " " + strconv.Itoa(r.receive)
	return base64.StdEncoding.EncodeToString(append(seal(key, text), text...))
}

const sealBytes = 12

func seal(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)[:sealBytes]
}

// openReceipt reads a handle; it is false for one this server never made.
func openReceipt(key []byte, handle string) (receipt, bool) {
	raw, err := base64.StdEncoding.DecodeString(handle)
	if err != nil || len(raw) < sealBytes {
		return receipt{}, false
	}
	text := string(raw[sealBytes:])
	if !hmac.Equal(raw[:sealBytes], seal(key, text)) {
		return receipt{}, false
	}
	fields := strings.Split(text, " ")
	if len(fields) != 3 {
		return receipt{}, false
	}
	receive, err := strconv.Atoi(fields[2])
	return receipt{queueID: fields[0], messageID: fields[1], receive: receive}, err == nil
}

func errReceiptHandle() *apiError {
	return newError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
}

// find opens a receipt handle given for queue q. The message is nil when it is
// no longer in the queue, and stale says that it was received again since.
func (a *account) find(q *queue, handle string) (m *message, stale bool, err error) {
	r, ok := openReceipt(a.receiptKey, handle)
	if !ok || r.queueID != q.id {
		return nil, false, errReceiptHandle()
	}
	m = q.messages[r.messageID]
	return m, m != nil && m.receives != r.receive, nil
}
