package sqstest

import (
	"crypto/md5" //nolint:gosec // the checksum of the protocol
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const maxDelaySeconds = 900

// outgoing is the message in a SendMessage or an entry of SendMessageBatch.
type outgoing struct {
	MessageBody             string `sqs:"required"`
	DelaySeconds            *int
	MessageAttributes       map[string]attributeValue
	MessageSystemAttributes map[string]attributeValue
	MessageDeduplicationId  *string
	MessageGroupId          *string
}

type sendMessageInput struct {
	queueTarget
	outgoing
}

type sendMessageOutput struct {
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
	MessageId                    string
	SequenceNumber               string `json:",omitempty"`
}

func (a *account) sendMessage(c *call, in *sendMessageInput) (*sendMessageOutput, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return a.send(q, &in.outgoing, c.now)
}

// send checks a message and stores it unless it is a duplicate.
func (a *account) send(q *queue, out *outgoing, now time.Time) (*sendMessageOutput, error) {
	m, err := out.message(q, now)
	if err != nil {
		return nil, err
	}
	output := &sendMessageOutput{
		MD5OfMessageBody: m.bodyMD5, MD5OfMessageAttributes: md5OfAttributes(m.attributes),
		MD5OfMessageSystemAttributes: md5OfAttributes(out.MessageSystemAttributes),
	}
	stored := a.accept(q, m, out.visibleAt(q, now), now)
	output.MessageId = stored.id
	if q.fifo {
		output.SequenceNumber = stored.sequenceNumber()
	}
	return output, nil
}

// accept stores a checked message and returns it, or the one it duplicates.
func (a *account) accept(q *queue, m *message, visibleAt, now time.Time) *message {
	if q.fifo {
		if first := q.deduplication.find(q.deduplicationKey(m), now); first != nil {
			a.record(Deduplicated, q, first, now)
			return first
		}
		q.deduplication.remember(q.deduplicationKey(m), m, now)
	}
	a.sequence++
	m.sequence = a.sequence
	if m.key == "" {
		m.key = a.key(m.id, m.body)
	}
	a.record(Accepted, q, m, now)
	q.put(m, visibleAt, now)
	return m
}

// key returns the key of a message in the ledger.
func (a *account) key(id, body string) string {
	if a.keyOf == nil {
		return id
	}
	return a.keyOf(body)
}

// message checks the message against the rules of SendMessage and of the queue.
func (o *outgoing) message(q *queue, now time.Time) (*message, error) {
	trace, err := checkSystemAttributes(o.MessageSystemAttributes)
	if err != nil {
		return nil, err
	}
	m := &message{
		id:            newID(),
		body:          o.MessageBody,
		bodyMD5:       md5Of(o.MessageBody),
		size:          o.size(),
		attributes:    o.MessageAttributes,
		traceHeader:   trace,
		sentAt:        now,
		retainedSince: now,
	}
	for _, err := range []error{
		checkBody(o.MessageBody),
		checkAttributes(o.MessageAttributes),
		checkSize(m.size, q),
		o.checkDelay(q),
		o.identify(m, q),
	} {
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

// size returns the size of the message in bytes: its body and its attributes, without the
// system attribute.
func (o *outgoing) size() int {
	size := len(o.MessageBody)
	for name, value := range o.MessageAttributes {
		size += value.size(name)
	}
	return size
}

func checkSize(size int, q *queue) error {
	if limit := q.settings.number("MaximumMessageSize"); size > limit {
		return errInvalidParameter(
			"One or more parameters are invalid. Reason: Message must be shorter than %d bytes.",
			limit,
		)
	}
	return nil
}

func (o *outgoing) checkDelay(q *queue) error {
	switch {
	case o.DelaySeconds == nil:
		return nil
	case *o.DelaySeconds < 0 || *o.DelaySeconds > maxDelaySeconds:
		return errParameterRange("DelaySeconds", *o.DelaySeconds, "DelaySeconds must be >= 0 and <= 900.")
	case q.fifo && *o.DelaySeconds > 0:
		return errParameterRange("DelaySeconds", *o.DelaySeconds,
			"The request include parameter that is not valid for this queue type.")
	}
	return nil
}

func (o *outgoing) visibleAt(q *queue, now time.Time) time.Time {
	if o.DelaySeconds != nil && !q.fifo {
		return now.Add(time.Duration(*o.DelaySeconds) * time.Second)
	}
	return now.Add(q.settings.seconds("DelaySeconds"))
}

// identify sets the group and deduplication id of the message, as the type of the queue
// requires.
func (o *outgoing) identify(m *message, q *queue) error {
	if err := checkToken("MessageGroupId", o.MessageGroupId); err != nil {
		return err
	}
	if err := checkToken("MessageDeduplicationId", o.MessageDeduplicationId); err != nil {
		return err
	}
	if o.MessageGroupId != nil {
		m.groupID = *o.MessageGroupId
	}
	if o.MessageDeduplicationId != nil {
		m.deduplicationID = *o.MessageDeduplicationId
	}
	return o.checkIdentity(m, q)
}

func (o *outgoing) checkIdentity(m *message, q *queue) error {
	switch {
	case !q.fifo && o.MessageDeduplicationId != nil:
		return errInvalidParameter("Value for parameter MessageDeduplicationId is invalid. " +
			"Reason: The request includes a parameter that is not valid for this queue type.")
	case !q.fifo:
		return nil
	case m.groupID == "":
		return errMissingParameter("MessageGroupId")
	case m.deduplicationID != "":
		return nil
	case q.settings["ContentBasedDeduplication"] != "true":
		return errInvalidParameter(
			"The queue should either have ContentBasedDeduplication enabled " +
				"or MessageDeduplicationId provided explicitly",
		)
	}
	m.deduplicationID = contentID(m.body)
	return nil
}

// checkToken checks a group or deduplication id: 1 to 128 letters, digits and
// ASCII punctuation.
func checkToken(name string, token *string) error {
	if token == nil {
		return nil
	}
	printable := func(r rune) bool { return r > ' ' && r < 0x7f }
	if *token == "" || len(*token) > 128 || strings.ContainsFunc(*token, func(r rune) bool { return !printable(r) }) {
		return errInvalidParameter("Value for parameter %s is invalid. "+
			"Reason: %s can only include alphanumeric and punctuation characters. 1 to 128 in length.", name, name)
	}
	return nil
}

// state is the state of a message in its queue.
type state int

const (
	visible  state = iota // can be received
	delayed               // sent with a delay that has not passed
	inFlight              // received, its visibility timeout has not passed
)

// message is one stored message.
type message struct {
	id              string
	body            string
	bodyMD5         string
	size            int // bytes of body and attributes
	attributes      map[string]attributeValue
	traceHeader     string
	groupID         string
	deduplicationID string
	key             string // what the ledger calls it: what KeyBy makes of the body, or the id

	sequence      uint64    // order of acceptance, over all queues
	sentAt        time.Time // SentTimestamp; kept when moved to a dead-letter queue
	retainedSince time.Time // the instant the retention period counts from
	sourceARN     string    // the queue it was moved from, for a dead letter

	state           state
	visibleAt       time.Time // when delayed or in flight: the instant that ends
	receives        int       // over all queues: ApproximateReceiveCount
	localReceives   int       // in this queue: what maxReceiveCount is compared with
	firstReceivedAt time.Time
	receivedAt      time.Time // the latest receive, from which the 12 hours count

	group  *messageGroup
	places [timelines]int
}

// sequenceNumber returns the SequenceNumber of a FIFO message: 20 increasing digits.
func (m *message) sequenceNumber() string { return sequenceNumber(m.sequence) }

func sequenceNumber(sequence uint64) string {
	return fmt.Sprintf("%020d", 18_000_000_000_000_000_000+sequence)
}

// systemAttributes returns all system attributes of the message.
func (m *message) systemAttributes(fifo bool) map[string]string {
	attributes := map[string]string{
		"SenderId":                         accountID,
		"SentTimestamp":                    milliseconds(m.sentAt),
		"ApproximateReceiveCount":          strconv.Itoa(m.receives),
		"ApproximateFirstReceiveTimestamp": milliseconds(m.firstReceivedAt),
	}
	set := func(name, value string) {
		if value != "" {
			attributes[name] = value
		}
	}
	set("AWSTraceHeader", m.traceHeader)
	set("MessageGroupId", m.groupID)
	set("MessageDeduplicationId", m.deduplicationID)
	set("DeadLetterQueueSourceArn", m.sourceARN)
	if fifo {
		set("SequenceNumber", m.sequenceNumber())
	}
	return attributes
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// newID returns a random UUID, version 4.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// maxMessageBytes is the largest message, and the largest sum of a batch: 1 MiB.
const maxMessageBytes = 1 << 20

// checkBody checks the rules of SendMessage's MessageBody that do not depend
// on the queue: it is not empty and has only characters XML 1.0 allows.
func checkBody(body string) error {
	if body == "" {
		return errMissingParameter("MessageBody")
	}
	if bad, found := illegalCharacter(body); found {
		return newError("InvalidMessageContents", "Invalid binary character '#x%X' was found in the message body, "+
			"the set of allowed characters is "+
			"#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF", bad)
	}
	return nil
}

// illegalCharacter finds the first character that SQS does not carry.
func illegalCharacter(text string) (rune, bool) {
	i := strings.IndexFunc(text, func(r rune) bool { return !legalCharacter(r) })
	if i < 0 {
		return 0, false
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	return r, true
}

func legalCharacter(r rune) bool {
	switch {
	case r < 0x20:
		return r == 0x9 || r == 0xA || r == 0xD
	case r <= 0xD7FF:
		return true
	case r <= 0xFFFD:
		return r >= 0xE000
	}
	return r >= 0x10000
}

// md5Of returns the MD5 of a message body, in lower-case hexadecimal.
func md5Of(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// md5OfAttributes returns the MD5 of message attributes as the Amazon SQS Developer Guide
// defines it ("Calculating the MD5 message digest for message attributes"): sorted by
// name, each with name, data type, one byte for the transport type (1 for a string, 2 for
// bytes) and value, and each text prefixed with its length in four bytes. It returns ""
// for no attributes.
func md5OfAttributes(attributes map[string]attributeValue) string {
	if len(attributes) == 0 {
		return ""
	}
	h := md5.New() //nolint:gosec // as above
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value := attributes[name]
		writeSized(h, []byte(name))
		writeSized(h, []byte(value.DataType))
		if value.isBinary() {
			h.Write([]byte{2})
		} else {
			h.Write([]byte{1})
		}
		writeSized(h, value.bytes())
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writeSized(h hash.Hash, b []byte) {
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
	h.Write(b)
}

// attributeValue is a message attribute or a message system attribute on the wire.
type attributeValue struct {
	DataType         string   `sqs:"required"`
	StringValue      *string  `json:",omitempty"`
	BinaryValue      []byte   `json:",omitempty"`
	StringListValues []string `json:",omitempty"`
	BinaryListValues [][]byte `json:",omitempty"`
}

// maxAttributes is how many message attributes one message may have.
const maxAttributes = 10

// isBinary reports whether the value is carried as bytes.
func (v attributeValue) isBinary() bool { return v.logicalType() == "Binary" }

// logicalType returns the data type without its custom label.
func (v attributeValue) logicalType() string {
	kind, _, _ := strings.Cut(v.DataType, ".")
	return kind
}

func (v attributeValue) bytes() []byte {
	if v.isBinary() {
		return v.BinaryValue
	}
	if v.StringValue == nil {
		return nil
	}
	return []byte(*v.StringValue)
}

// size returns the bytes that the attribute adds to its message: its name, its type and
// its value.
func (v attributeValue) size(name string) int { return len(name) + len(v.DataType) + len(v.bytes()) }

// checkAttributes checks the message attributes of one message. Source: "Amazon SQS
// message quotas" and MessageAttributeValue in the SDK.
func checkAttributes(attributes map[string]attributeValue) error {
	if len(attributes) > maxAttributes {
		return errInvalidParameter("Number of message attributes [%d] exceeds the allowed maximum [%d].",
			len(attributes), maxAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := checkAttributeName(name); err != nil {
			return err
		}
		if err := attributes[name].check(name); err != nil {
			return err
		}
	}
	return nil
}

func checkAttributeName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "" || len(name) > 256:
		return errInvalidParameter(
			"Message (user) attribute names must have 1 to 256 characters, one has %d.",
			len(name),
		)
	case strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
		return errInvalidParameter("Message (user) attribute name %q starts with a reserved prefix.", name)
	case strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, ".."):
		return errInvalidParameter(
			"Message (user) attribute name %q starts or ends with a dot, or has two in succession.",
			name,
		)
	case strings.ContainsFunc(name, func(r rune) bool { return !isWordCharacter(r) && r != '.' }):
		return errInvalidParameter(
			"Message (user) attribute name %q has a character other than A-Z, a-z, 0-9, _, - and dot.",
			name,
		)
	}
	return nil
}

// isWordCharacter reports whether r is in A-Z a-z 0-9 _ and -: the characters of queue
// names and of batch entry ids.
func isWordCharacter(r rune) bool {
	return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-'
}

// check checks type and value; name is for the error text, which never holds
// the value.
func (v attributeValue) check(name string) error {
	if len(v.StringListValues) > 0 || len(v.BinaryListValues) > 0 {
		return newError("UnsupportedOperation", "Message attribute list values are not supported (attribute %q).", name)
	}
	if err := v.checkType(name); err != nil {
		return err
	}
	if v.isBinary() && v.StringValue != nil || !v.isBinary() && v.BinaryValue != nil {
		return errInvalidParameter(
			"The message attribute %q of type %q uses the value field of another type.",
			name,
			v.DataType,
		)
	}
	if len(v.bytes()) == 0 {
		return errInvalidParameter(
			"The message attribute %q must contain non-empty message attribute value for message attribute type %q.",
			name,
			v.DataType,
		)
	}
	return v.checkText(name)
}

func (v attributeValue) checkType(name string) error {
	if v.DataType == "" || len(v.DataType) > 256 {
		return errInvalidParameter("The type of message (user) attribute %q must have 1 to 256 characters.", name)
	}
	switch v.logicalType() {
	case "String", "Number", "Binary":
	default:
		return errInvalidParameter("The type of message (user) attribute %q is invalid. "+
			"You must use only the following supported type prefixes: Binary, Number, String.", name)
	}
	if _, label, found := strings.Cut(v.DataType, "."); found && label == "" {
		return errInvalidParameter("The type of message (user) attribute %q has an empty custom label.", name)
	}
	return nil
}

func (v attributeValue) checkText(name string) error {
	switch v.logicalType() {
	case "String":
		if bad, found := illegalCharacter(*v.StringValue); found {
			return errInvalidParameter(
				"Invalid binary character '#x%X' was found in the message attribute %q.",
				bad,
				name,
			)
		}
	case "Number":
		if !legalNumber(*v.StringValue) {
			return errInvalidParameter("Can't cast the value of message (user) attribute %q to a number.", name)
		}
	}
	return nil
}

// legalNumber reports whether text is a number that SQS accepts: positive or negative,
// whole or with a fraction, up to 38 digits of precision, between 10^-128 and 10^126 in
// magnitude.
func legalNumber(text string) bool {
	if strings.Trim(text, "0123456789+-.eE") != "" {
		return false
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	digits := strings.TrimLeft(strings.Replace(strings.TrimLeft(mantissa, "+-"), ".", "", 1), "0")
	number, err := strconv.ParseFloat(text, 64)
	return err == nil && len(digits) <= 38 && math.Abs(number) <= 1e126
}

// checkSystemAttributes checks MessageSystemAttributes and returns the value of
// AWSTraceHeader, the only one.
func checkSystemAttributes(attributes map[string]attributeValue) (string, error) {
	trace := ""
	for name, value := range attributes {
		if name != "AWSTraceHeader" {
			return "", errInvalidParameter(
				"Message system attribute name %q is invalid. Valid names: AWSTraceHeader.",
				name,
			)
		}
		if value.DataType != "String" || value.StringValue == nil || *value.StringValue == "" {
			return "", errInvalidParameter("The message system attribute AWSTraceHeader must be a non-empty String.")
		}
		trace = *value.StringValue
	}
	return trace, nil
}

// deduplicationInterval is how long a FIFO queue or topic remembers a deduplication id,
// from the first message sent with it, deleted or not.
const deduplicationInterval = 5 * time.Minute

// deduplication remembers what was sent to a FIFO queue or topic.
type deduplication[M message | publication] struct {
	seen  map[string]*M
	order []remembered // oldest first
}

type remembered struct {
	key   string
	until time.Time
}

// find returns the message that was sent with this key in the last five
// minutes, or nil.
func (d *deduplication[M]) find(key string, now time.Time) *M {
	for len(d.order) > 0 && !d.order[0].until.After(now) {
		delete(d.seen, d.order[0].key)
		d.order = d.order[1:]
	}
	return d.seen[key]
}

func (d *deduplication[M]) remember(key string, m *M, now time.Time) {
	if d.seen == nil {
		d.seen = map[string]*M{}
	}
	d.seen[key] = m
	d.order = append(d.order, remembered{key: key, until: now.Add(deduplicationInterval)})
}

// deduplicationKey returns the key that duplicates share: the id, with the group if
// DeduplicationScope is messageGroup.
func (q *queue) deduplicationKey(m *message) string {
	if q.settings["DeduplicationScope"] == "messageGroup" {
		return m.groupID + "\x00" + m.deduplicationID
	}
	return m.deduplicationID
}

// contentID returns the deduplication id of content-based deduplication: the SHA-256 of
// the body, without the attributes.
func contentID(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}
