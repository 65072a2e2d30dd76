package sqstest

// lane is a line of visible messages that is opened and closed as one. A
// standard queue has a single lane; a FIFO queue has one per message group,
// closed while a message of the group is in flight.
type lane struct {
	group    string
	ready    timeline
	inFlight int // how many of its messages are in flight
	members  int // how many messages stand in it, visible or not
}

func newLane(group string) *lane {
	return &lane{group: group, ready: timeline{kind: ready}}
}

// head is the lane's next message, or nil when it is empty or closed.
func (l *lane) head(fifo bool) *message {
	if fifo && l.inFlight > 0 {
		return nil
	}
	return l.ready.first()
}
