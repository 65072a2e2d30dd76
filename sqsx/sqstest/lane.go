package sqstest

// lane holds the messages of one message group; those without a group share one.
// On a FIFO queue it is closed while a message of the group is in flight.
type lane struct {
	group    string
	ready    timeline
	inFlight int // how many of the group's messages are in flight
	members  int // how many there are, visible or not
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
