package sqstest

import "strings"

// hasMD5 is an answer, or an entry of one, that carries the MD5 of a body.
type hasMD5 interface{ corruptMD5() }

func (o *sendMessageOutput) corruptMD5() { o.MD5OfMessageBody = wrongMD5() }

func (m *receivedMessage) corruptMD5() { m.MD5OfBody = wrongMD5() }

func wrongMD5() string { return strings.Repeat("0", 32) }

// CorruptMD5 puts a wrong MD5 of the body into the answer to a send, to a batch
// of sends or to a receive: for the successful entries, or messages, of the
// given indexes, from 0, or all when none is given. The message itself is
// whole. Answers that carry no MD5 do not count.
func CorruptMD5(indexes ...int) Effect {
	chosen := selection(indexes)
	return Effect{
		name:  "corrupt MD5",
		suits: func(out any) bool { return len(md5Holders(out)) > 0 },
		edit: func(_ *account, _ *call, out any) {
			for i, holder := range md5Holders(out) {
				if chosen.has(i) {
					holder.corruptMD5()
				}
			}
		},
	}
}

func md5Holders(out any) []hasMD5 {
	var holders []hasMD5
	switch out := out.(type) {
	case *sendMessageOutput:
		holders = append(holders, out)
	case *batchOutput[sendEntryResult]:
		for i := range out.Successful {
			holders = append(holders, &out.Successful[i])
		}
	case *receiveMessageOutput:
		for i := range out.Messages {
			holders = append(holders, &out.Messages[i])
		}
	}
	return holders
}

// editMessages makes an effect of a change to the messages of a receive. A
// receive without messages does not count.
func editMessages(name string, change func(a *account, q *queue, out *receiveMessageOutput)) Effect {
	return Effect{
		name: name,
		suits: func(out any) bool {
			received, ok := out.(*receiveMessageOutput)
			return ok && len(received.Messages) > 0
		},
		edit: func(a *account, c *call, out any) {
			received, _ := out.(*receiveMessageOutput)
			if q := a.queues[c.queue]; q != nil {
				change(a, q, received)
			}
		},
	}
}

// StaleReceipts gives a receive's messages receipt handles that are good no
// longer, as after another consumer received them: deletes do nothing, changes
// of visibility fail. It acts on the messages of the given indexes, from 0, or
// on all when none is given. Receives without messages do not count.
func StaleReceipts(indexes ...int) Effect {
	chosen := selection(indexes)
	return editMessages("stale receipts", func(a *account, q *queue, out *receiveMessageOutput) {
		for i := range out.Messages {
			if m := q.messages[out.Messages[i].MessageId]; m != nil && chosen.has(i) {
				out.Messages[i].ReceiptHandle = receipt{q.id, m.id, m.receives - 1}.handle(a.receiptKey)
			}
		}
	})
}

// Redeliver makes the messages of a receive visible again as soon as it is
// answered, so that the next receive delivers them too: those of the given
// indexes, from 0, or all when none is given. Receives without messages do not
// count.
func Redeliver(indexes ...int) Effect {
	chosen := selection(indexes)
	return editMessages("redeliver", func(a *account, q *queue, out *receiveMessageOutput) {
		for i := range out.Messages {
			m := q.messages[out.Messages[i].MessageId]
			if m == nil || m.state != inFlight || !chosen.has(i) {
				continue
			}
			a.record(Duplicated, q, m, m.receivedAt)
			q.lift(m)
			q.show(m)
			q.signal()
		}
	})
}

// DuplicateInBatch delivers messages of a receive twice in the same answer, with
// two receipt handles of which the later is good, as Amazon SQS rarely does:
// those of the given indexes, from 0, or all when none is given. An answer never
// grows beyond ten messages: copies that do not fit are left out. Receives
// without messages do not count.
func DuplicateInBatch(indexes ...int) Effect {
	chosen := selection(indexes)
	return editMessages("duplicate in batch", func(a *account, q *queue, out *receiveMessageOutput) {
		for i, original := range out.Messages {
			m := q.messages[original.MessageId]
			if m == nil || !chosen.has(i) || len(out.Messages) == maxReceiveMessages {
				continue
			}
			m.receives++
			m.localReceives++
			a.record(Duplicated, q, m, m.receivedAt)
			original.ReceiptHandle = receipt{q.id, m.id, m.receives}.handle(a.receiptKey)
			out.Messages = append(out.Messages, original)
		}
	})
}
