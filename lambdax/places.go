package lambdax

// places tells where a message stands in a batch by its id.
type places map[string]int

// fewRecords is up to how many records they are looked at one by one, which is quicker than a map: as many as Lambda brings by default.
const fewRecords = 10

// newPlaces is for a batch of up to so many records.
func newPlaces(records int) places {
	if records <= fewRecords {
		return nil
	}
	return make(places, records)
}

// of returns the place of the message with that id, and that behind the batch for one that is not in it, or has no id.
func (p places) of(batch []record, id string) int {
	switch {
	case id == "":
		return len(batch)
	case p == nil:
		return find(batch, id)
	}
	place, known := p[id]
	if !known {
		place = len(batch)
		p[id] = place
	}
	return place
}

func find(batch []record, id string) int {
	for i := range batch {
		if batch[i].delivery.MessageID == id {
			return i
		}
	}
	return len(batch)
}
