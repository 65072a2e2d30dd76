package sqsx

import (
	"encoding/json"
	"fmt"
	"slices"
)

// examineDeadLetters looks at a dead-letter queue by itself.
func (e *examination) examineDeadLetters(p *pair) {
	if p.dead[attributeRedrive] != "" {
		e.add(SeverityWarning, CodeDeadLetterChain, p.deadLetters,
			"has a redrive policy itself: every look at its letters counts, that of sqsx.Redrive too, and moves them on in the end",
			"take its redrive policy away")
	}
	visible, inFlight := p.dead.number(attributeVisibleMessages), p.dead.number(attributeInFlight)
	if visible+inFlight > 0 {
		e.add(SeverityInfo, CodeDeadLetters, p.deadLetters, fmt.Sprintf(
			"has about %d dead letters, %d of them in flight", visible+inFlight, inFlight),
			"look at their reasons, mend the cause, and move them back with sqsx.Redrive")
	}
}

// examinePair looks at how a queue and its dead-letter queue go together.
func (e *examination) examinePair(p *pair) {
	e.examineDeadLetterRetention(p)
	if !allows(p.dead[attributeRedriveAllow], p.own[attributeARN]) {
		e.add(SeverityError, CodeRedriveAllow, p.deadLetters,
			"takes no dead letters from "+p.name+" by its RedriveAllowPolicy: they stay there and run again and again",
			"allow it, or take the RedriveAllowPolicy away")
	}
	if own, dead := p.own.number(attributeMaxMessageSize), p.dead.number(attributeMaxMessageSize); dead < own {
		e.add(SeverityWarning, CodeMessageSize, p.deadLetters, fmt.Sprintf(
			"takes messages of %d bytes, the queue of %d: taskhawk.Permanent fails for larger ones", dead, own),
			fmt.Sprintf("set MaximumMessageSize to %d", own))
	}
	e.examineEncryption(p)
}

// examineDeadLetterRetention knows that a message moved by SQS keeps, on standard queues, the time of its first sending. Source: "Using
// dead-letter queues in Amazon SQS", message retention periods.
func (e *examination) examineDeadLetterRetention(p *pair) {
	own, dead := p.own.duration(attributeRetention), p.dead.duration(attributeRetention)
	if isFIFO(p.name) || dead > own {
		return
	}
	severity, advice := SeverityWarning, "set its MessageRetentionPeriod to "+inSeconds(maxRetention)+", 14 days"
	if dead < own {
		severity = SeverityError
	}
	if own == maxRetention {
		advice += ", and that of the queue lower"
	}
	e.add(severity, CodeDeadLetterRetention, p.deadLetters, fmt.Sprintf(
		"keeps messages for %s, the queue for %s: the time on the queue counts, so dead letters are dropped early, or at once",
		dead, own), advice)
}

// allows reads a RedriveAllowPolicy; none allows all.
func allows(text, sourceARN string) bool {
	var policy struct {
		RedrivePermission string   `json:"redrivePermission"`
		SourceQueueARNs   []string `json:"sourceQueueArns"`
	}
	if text == "" || json.Unmarshal([]byte(text), &policy) != nil {
		return true
	}
	switch policy.RedrivePermission {
	case "denyAll":
		return false
	case "byQueue":
		return slices.Contains(policy.SourceQueueARNs, sourceARN)
	}
	return true
}

func (e *examination) examineEncryption(p *pair) {
	own, dead := encryption(p.own), encryption(p.dead)
	switch {
	case own == unencrypted:
		e.add(SeverityInfo, CodeEncryption, p.name, "is not encrypted at rest", "turn on SqsManagedSseEnabled, which costs nothing")
	case dead == unencrypted:
		e.add(SeverityWarning, CodeEncryption, p.deadLetters, "is not encrypted at rest, its queue is", "encrypt it as the queue is")
	}
	if own == encryptedByKey {
		e.add(SeverityInfo, CodeEncryption, p.name, "is encrypted by the KMS key "+oneLine(p.own[attributeKey])+": publishers and workers need "+
			"kms:GenerateDataKey and kms:Decrypt on it", "sqsx.Policy writes the policy, with KeyARN")
	}
}

// encrypted is how a queue is encrypted.
type encrypted uint8

const (
	unencrypted encrypted = iota
	encryptedBySQS
	encryptedByKey
)

func encryption(a attributes) encrypted {
	switch {
	case a[attributeKey] != "":
		return encryptedByKey
	case a[attributeManagedSSE] == "true":
		return encryptedBySQS
	}
	return unencrypted
}
