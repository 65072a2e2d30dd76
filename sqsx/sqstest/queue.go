package sqstest

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// queue is one queue. The account's lock guards it.
type queue struct {
	id   string // new for each creation, so that old receipt handles are refused
	name string
	url  string
	arn  string
	fifo bool

	settings settings
	redrive  redrivePolicy // parsed from settings
	allow    *allowPolicy  // parsed from settings
	tags     map[string]string
	created  time.Time
	modified time.Time
	purgedAt time.Time

	messages     map[string]*message      // by message id
	groups       map[string]*messageGroup // by message group
	waiting      timeline
	aging        timeline
	counts       [3]int // messages by state
	peakInFlight int

	deduplication deduplication[message]
	attempts      map[string]attempt // ReceiveRequestAttemptId, FIFO only
	wake          chan struct{}      // closed and replaced when a parked poll should look again
}

func newQueue(name, baseURL string, now time.Time) *queue {
	return &queue{
		id: newID(), name: name, url: queueURL(baseURL, name), arn: arnPrefix + name,
		fifo: isFIFOName(name), created: now, modified: now,
		tags: map[string]string{}, messages: map[string]*message{}, groups: map[string]*messageGroup{},
		waiting: timeline{kind: waiting}, aging: timeline{kind: aging},
		attempts: map[string]attempt{}, wake: make(chan struct{}),
	}
}

func queueURL(baseURL, name string) string { return baseURL + "/" + accountID + "/" + name }

func isFIFOName(name string) bool { return strings.HasSuffix(name, fifoSuffix) }

// put stores a message that becomes visible at the given instant, or is
// visible already when that is not after now.
func (q *queue) put(m *message, visibleAt, now time.Time) {
	q.messages[m.id] = m
	q.aging.add(m)
	m.group = q.groupOf(m)
	m.group.members++
	if visibleAt.After(now) {
		q.hide(m, delayed, visibleAt)
	} else {
		q.show(m)
	}
	q.signal()
}

// groupOf returns the group of a message of q, and makes it if m is the first.
func (q *queue) groupOf(m *message) *messageGroup {
	l := q.groups[m.groupID]
	if l == nil {
		l = newMessageGroup(m.groupID)
		q.groups[m.groupID] = l
	}
	return l
}

// show puts a message that is on no timeline but aging on the ready one.
func (q *queue) show(m *message) {
	m.state = visible
	q.counts[visible]++
	m.group.ready.add(m)
}

// hide puts a message that is on no timeline but aging on the waiting one.
func (q *queue) hide(m *message, why state, until time.Time) {
	m.state = why
	m.visibleAt = until
	q.counts[why]++
	q.waiting.add(m)
	if why == inFlight {
		m.group.inFlight++
		q.peakInFlight = max(q.peakInFlight, q.counts[inFlight])
	}
}

// lift takes a message off the ready or the waiting timeline.
func (q *queue) lift(m *message) {
	q.counts[m.state]--
	if m.state == visible {
		m.group.ready.remove(m)
		return
	}
	q.waiting.remove(m)
	if m.state == inFlight {
		m.group.inFlight--
	}
}

// take removes a message from the queue altogether.
func (q *queue) take(m *message) {
	q.lift(m)
	q.aging.remove(m)
	delete(q.messages, m.id)
	m.group.members--
	if m.group.members == 0 {
		delete(q.groups, m.group.id)
	}
	q.signal()
}

// next is the visible message that comes first and may be received, or nil:
// the one accepted first, where messages of quiet tenants come before those of
// noisy ones.
func (q *queue) next() *message {
	var first *message
	for _, l := range q.groups {
		if m := l.head(q.fifo); m != nil && (first == nil || q.before(m, first)) {
			first = m
		}
	}
	return first
}

func (q *queue) before(a, b *message) bool {
	if noisy := q.noisy(a.group); noisy != q.noisy(b.group) {
		return !noisy
	}
	return a.sequence < b.sequence
}

// noisy says whether a group of a standard queue is a noisy neighbour: it has at
// least 30 messages in flight, and more than a tenth of all ("Amazon SQS fair
// queues").
func (q *queue) noisy(l *messageGroup) bool {
	return !q.fifo && l.id != "" && l.inFlight >= 30 && l.inFlight*10 > q.counts[inFlight]
}

// signal makes every parked poll of the queue look again.
func (q *queue) signal() {
	close(q.wake)
	q.wake = make(chan struct{})
}

const fifoSuffix = ".fifo"

// recreateInterval is how long the name of a deleted queue stays reserved.
const recreateInterval = time.Minute

type createQueueInput struct {
	QueueName  string `sqs:"required"`
	Attributes map[string]string
	Tags       map[string]string `json:"tags"` // in lower case in the service model
}

type queueURLOutput struct {
	QueueUrl string
}

func (a *account) createQueue(c *call, in *createQueueInput) (*queueURLOutput, error) {
	q := newQueue(in.QueueName, a.baseURL, c.now)
	if err := in.check(q); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if err := a.configure(q, defaultSettings(q.fifo), in.Attributes); err != nil {
		return nil, err
	}
	if existing := a.queues[q.name]; existing != nil {
		return existing.sameAs(q, in.Attributes)
	}
	if deletedAt, ok := a.deleted[q.name]; ok && c.now.Sub(deletedAt) < recreateInterval {
		return nil, newError("QueueDeletedRecently",
			"You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	maps.Copy(q.tags, in.Tags)
	delete(a.deleted, q.name)
	a.queues[q.name] = q
	return &queueURLOutput{QueueUrl: q.url}, nil
}

// check checks the name and that it goes with the queue's type.
func (in *createQueueInput) check(q *queue) error {
	name := strings.TrimSuffix(in.QueueName, fifoSuffix)
	if name == "" || len(in.QueueName) > 80 ||
		strings.ContainsFunc(name, func(r rune) bool { return !isWordCharacter(r) }) {
		return errInvalidParameter(
			"Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
		)
	}
	if want, given := in.Attributes["FifoQueue"]; given && q.fifo != (want == "true") {
		return errInvalidParameter("The name of a FIFO queue must end with the .fifo suffix, and no other name may.")
	}
	if q.fifo && in.Attributes["FifoQueue"] != "true" {
		return errInvalidParameter("A queue whose name ends with .fifo needs the attribute FifoQueue=true.")
	}
	return nil
}

// sameAs answers a CreateQueue for a queue that exists: it succeeds when every
// attribute the request names has the value the queue has.
func (q *queue) sameAs(wanted *queue, attributes map[string]string) (*queueURLOutput, error) {
	for name := range attributes {
		same := q.settings[name] == wanted.settings[name]
		if name == "RedrivePolicy" { // JSON can be written in more than one way
			same = q.redrive == wanted.redrive
		}
		if !same {
			return nil, newError("QueueNameExists",
				"A queue already exists with the same name and a different value for attribute %s", name)
		}
	}
	return &queueURLOutput{QueueUrl: q.url}, nil
}

// configure checks attributes and sets them on q, over the given settings; on
// an error q is as it was.
func (a *account) configure(q *queue, over settings, attributes map[string]string) error {
	if err := checkFIFOSettings(q, attributes); err != nil {
		return err
	}
	merged, err := over.with(attributes)
	if err != nil {
		return err
	}
	redrive, err := parseRedrivePolicy(merged["RedrivePolicy"])
	if err != nil {
		return err
	}
	allow, err := parseAllowPolicy(merged["RedriveAllowPolicy"])
	if err != nil {
		return err
	}
	if err := a.checkRedrive(q, redrive); err != nil {
		return err
	}
	q.settings, q.redrive, q.allow = merged, redrive, allow
	return nil
}

// checkFIFOSettings refuses the attributes of FIFO queues on a standard queue.
func checkFIFOSettings(q *queue, attributes map[string]string) error {
	if q.fifo {
		return nil
	}
	for _, name := range []string{"ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"} {
		if _, given := attributes[name]; given {
			return errAttributeName(name)
		}
	}
	return nil
}

type deleteQueueInput struct {
	queueTarget
}

// deleteQueue takes effect at once; the service may take up to 60 seconds.
func (a *account) deleteQueue(c *call, in *deleteQueueInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for m := q.aging.first(); m != nil; m = q.aging.first() {
		q.take(m)
		a.record(Purged, q, m, c.now)
	}
	delete(a.queues, q.name)
	a.deleted[q.name] = c.now
	q.signal()
	return &empty{}, nil
}

type getQueueURLInput struct {
	QueueName              string `sqs:"required"`
	QueueOwnerAWSAccountId *string
}

func (a *account) getQueueURL(_ *call, in *getQueueURLInput) (*queueURLOutput, error) {
	q := a.queues[in.QueueName]
	if q == nil || in.QueueOwnerAWSAccountId != nil && *in.QueueOwnerAWSAccountId != accountID {
		return nil, errQueueDoesNotExist()
	}
	return &queueURLOutput{QueueUrl: q.url}, nil
}

type listQueuesInput struct {
	QueueNamePrefix string
	pageRequest
}

type listQueuesOutput struct {
	QueueUrls []string `json:",omitempty"`
	NextToken string   `json:",omitempty"`
}

func (a *account) listQueues(_ *call, in *listQueuesInput) (*listQueuesOutput, error) {
	urls, token, err := in.page(
		a.urlsWhere(func(q *queue) bool { return strings.HasPrefix(q.name, in.QueueNamePrefix) }),
	)
	return &listQueuesOutput{QueueUrls: urls, NextToken: token}, err
}

// urlsWhere are the URLs of the queues that a test keeps, sorted.
func (a *account) urlsWhere(keep func(*queue) bool) []string {
	urls := []string{}
	for _, q := range a.queues {
		if keep(q) {
			urls = append(urls, q.url)
		}
	}
	slices.Sort(urls)
	return urls
}

// pageRequest is the part of an input that asks for one page of a list.
type pageRequest struct {
	MaxResults *int
	NextToken  *string
}

// maxPage is the longest page of a list of queues.
const maxPage = 1000

// page cuts the asked page out of a sorted list; the token for the next page is
// the last item of this one, and "" on the last page and when MaxResults was
// not given.
func (p pageRequest) page(all []string) (items []string, token string, err error) {
	size := maxPage
	if p.MaxResults != nil {
		size = *p.MaxResults
	}
	if size < 1 || size > maxPage {
		return nil, "", errParameterRange("MaxResults", size, "MaxResults must be an integer between 1 and 1000.")
	}
	if p.NextToken != nil {
		after, err := base64.StdEncoding.DecodeString(*p.NextToken)
		if err != nil {
			return nil, "", errInvalidParameter("Invalid or expired next token.")
		}
		first, found := slices.BinarySearch(all, string(after))
		if found {
			first++
		}
		all = all[first:]
	}
	if len(all) <= size {
		return all, "", nil
	}
	if p.MaxResults != nil {
		token = base64.StdEncoding.EncodeToString([]byte(all[size-1]))
	}
	return all[:size], token, nil
}

type getQueueAttributesInput struct {
	queueTarget
	AttributeNames []string
}

type getQueueAttributesOutput struct {
	Attributes map[string]string `json:",omitempty"`
}

func (a *account) getQueueAttributes(_ *call, in *getQueueAttributesInput) (*getQueueAttributesOutput, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	all := q.attributes()
	if slices.Contains(in.AttributeNames, "All") {
		return &getQueueAttributesOutput{Attributes: all}, nil
	}
	kept := map[string]string{}
	for _, name := range in.AttributeNames {
		if !isQueueAttributeName(name) {
			return nil, errAttributeName(name)
		}
		if value, ok := all[name]; ok {
			kept[name] = value
		}
	}
	return &getQueueAttributesOutput{Attributes: kept}, nil
}

// attributes are all attributes of the queue; the counts are exact here.
func (q *queue) attributes() map[string]string {
	all := map[string]string(maps.Clone(q.settings))
	maps.Copy(all, map[string]string{
		"QueueArn":                              q.arn,
		"CreatedTimestamp":                      strconv.FormatInt(q.created.Unix(), 10),
		"LastModifiedTimestamp":                 strconv.FormatInt(q.modified.Unix(), 10),
		"ApproximateNumberOfMessages":           strconv.Itoa(q.counts[visible]),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(q.counts[inFlight]),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(q.counts[delayed]),
	})
	return all
}

func isQueueAttributeName(name string) bool {
	if _, _, ok := settingRange(name); ok || settingChoices(name) != nil {
		return true
	}
	switch name {
	case "Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "QueueArn", "CreatedTimestamp",
		"LastModifiedTimestamp", "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
		"ApproximateNumberOfMessagesDelayed":
		return true
	}
	return false
}

type setQueueAttributesInput struct {
	queueTarget
	Attributes map[string]string `sqs:"required"`
}

// setQueueAttributes takes effect at once; the service may take up to 60
// seconds, 15 minutes for the retention period.
func (a *account) setQueueAttributes(c *call, in *setQueueAttributesInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if value, given := in.Attributes["FifoQueue"]; given && value != q.settings["FifoQueue"] {
		return nil, newError("InvalidAttributeName", "The attribute FifoQueue cannot be changed.")
	}
	if err := a.configure(q, q.settings, in.Attributes); err != nil {
		return nil, err
	}
	q.modified = c.now
	q.signal()
	return &empty{}, nil
}

// settings are the attributes of a queue that can be set, by name. Numbers are
// in canonical form. All with a default are present.
type settings map[string]string

func defaultSettings(fifo bool) settings {
	s := settings{
		"VisibilityTimeout":             "30",
		"DelaySeconds":                  "0",
		"MessageRetentionPeriod":        "345600",
		"MaximumMessageSize":            strconv.Itoa(maxMessageBytes),
		"ReceiveMessageWaitTimeSeconds": "0",
		"SqsManagedSseEnabled":          "true",
	}
	if fifo {
		s["FifoQueue"] = "true"
		s["ContentBasedDeduplication"] = "false"
		s["DeduplicationScope"] = "queue"
		s["FifoThroughputLimit"] = "perQueue"
	}
	return s
}

// number is a numeric setting.
func (s settings) number(name string) int {
	n, _ := strconv.Atoi(s[name]) // checked when it was set
	return n
}

// seconds is a setting that counts seconds.
func (s settings) seconds(name string) time.Duration {
	return time.Duration(s.number(name)) * time.Second
}

// with returns a copy in which the given attributes are set, after checking
// each; an empty value takes away a policy or a key. The attributes FifoQueue
// and those of FIFO queues are checked by the caller, which knows the queue.
func (s settings) with(attributes map[string]string) (settings, error) {
	out := maps.Clone(s)
	for name, value := range attributes {
		canonical, err := checkSetting(name, value)
		if err != nil {
			return nil, err
		}
		if canonical == "" {
			delete(out, name)
			continue
		}
		out[name] = canonical
	}
	return out, out.checkTogether()
}

// checkTogether checks the rules that bind two settings.
func (s settings) checkTogether() error {
	if s["FifoThroughputLimit"] == "perMessageGroupId" && s["DeduplicationScope"] != "messageGroup" {
		return errAttributeValue("FifoThroughputLimit")
	}
	return nil
}

func errAttributeValue(name string) *apiError {
	return newError("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
}

func errAttributeName(name string) *apiError {
	return newError("InvalidAttributeName", "Unknown Attribute %s.", name)
}

// settingRange is the legal range of a numeric attribute of CreateQueue.
func settingRange(name string) (low, high int, ok bool) {
	switch name {
	case "VisibilityTimeout":
		return 0, maxVisibilitySeconds, true
	case "DelaySeconds":
		return 0, maxDelaySeconds, true
	case "MessageRetentionPeriod":
		return 60, 1_209_600, true
	case "MaximumMessageSize":
		return 1024, maxMessageBytes, true
	case "ReceiveMessageWaitTimeSeconds":
		return 0, maxWaitSeconds, true
	case "KmsDataKeyReusePeriodSeconds":
		return 60, 86_400, true
	}
	return 0, 0, false
}

// settingChoices are the legal values of an attribute that names a choice.
func settingChoices(name string) []string {
	switch name {
	case "FifoQueue", "ContentBasedDeduplication", "SqsManagedSseEnabled":
		return []string{"true", "false"}
	case "DeduplicationScope":
		return []string{"messageGroup", "queue"}
	case "FifoThroughputLimit":
		return []string{"perQueue", "perMessageGroupId"}
	}
	return nil
}

// checkSetting checks one attribute and returns its canonical value, "" for
// one to be taken away.
func checkSetting(name, value string) (string, error) {
	if low, high, ok := settingRange(name); ok {
		n, err := strconv.Atoi(value)
		if err != nil || n < low || n > high {
			return "", errAttributeValue(name)
		}
		return strconv.Itoa(n), nil
	}
	if slices.Contains(settingChoices(name), value) {
		return value, nil
	}
	switch name {
	case "KmsMasterKeyId":
		return value, nil
	case "Policy", "RedrivePolicy", "RedriveAllowPolicy":
		if value != "" && !isJSONObject(value) {
			return "", errAttributeValue(name)
		}
		return value, nil
	}
	if settingChoices(name) != nil {
		return "", errAttributeValue(name)
	}
	return "", errAttributeName(name)
}

func isJSONObject(text string) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal([]byte(text), &object) == nil && object != nil
}

// maxTags is how many tags a queue may have.
const maxTags = 50

type tagQueueInput struct {
	queueTarget
	Tags map[string]string `sqs:"required"`
}

func (a *account) tagQueue(_ *call, in *tagQueueInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(q.tags)
	maps.Copy(tags, in.Tags)
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	q.tags = tags
	return &empty{}, nil
}

// checkTags checks tags against "Amazon SQS queue quotas".
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return errInvalidParameter("Too many tags, a queue can have at most %d.", maxTags)
	}
	for key, value := range tags {
		if key == "" || len([]rune(key)) > 128 || len([]rune(value)) > 256 {
			return errInvalidParameter("A tag's key must have 1 to 128 characters, its value at most 256.")
		}
	}
	return nil
}

type untagQueueInput struct {
	queueTarget
	TagKeys []string `sqs:"required"`
}

func (a *account) untagQueue(_ *call, in *untagQueueInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for _, key := range in.TagKeys {
		delete(q.tags, key)
	}
	return &empty{}, nil
}

type listQueueTagsInput struct {
	queueTarget
}

type listQueueTagsOutput struct {
	Tags map[string]string `json:",omitempty"`
}

func (a *account) listQueueTags(_ *call, in *listQueueTagsInput) (*listQueueTagsOutput, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return &listQueueTagsOutput{Tags: maps.Clone(q.tags)}, nil
}

// redrivePolicy is the RedrivePolicy of a queue; its zero value is that of a
// queue without one.
type redrivePolicy struct {
	targetARN       string
	maxReceiveCount int
}

// parseRedrivePolicy reads the attribute; maxReceiveCount may be a number or a
// number in a string, from 1 to 1,000, and is 10 when it is not given.
func parseRedrivePolicy(text string) (redrivePolicy, error) {
	if text == "" {
		return redrivePolicy{}, nil
	}
	var wire struct {
		DeadLetterTargetArn string          `json:"deadLetterTargetArn"`
		MaxReceiveCount     json.RawMessage `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(text), &wire); err != nil {
		return redrivePolicy{}, errRedrivePolicy(
			"It is not a JSON object with deadLetterTargetArn and maxReceiveCount.",
		)
	}
	policy := redrivePolicy{targetARN: wire.DeadLetterTargetArn, maxReceiveCount: 10}
	if wire.MaxReceiveCount != nil {
		n, err := strconv.Atoi(unquote(string(wire.MaxReceiveCount)))
		if err != nil || n < 1 || n > 1000 {
			return redrivePolicy{}, errRedrivePolicy(
				"Invalid value for maxReceiveCount. It must be between 1 and 1000.",
			)
		}
		policy.maxReceiveCount = n
	}
	if policy.targetARN == "" {
		return redrivePolicy{}, errRedrivePolicy("The deadLetterTargetArn is missing.")
	}
	return policy, nil
}

func unquote(text string) string {
	if plain, err := strconv.Unquote(text); err == nil {
		return plain
	}
	return text
}

func errRedrivePolicy(reason string) *apiError {
	return errInvalidParameter("Value for parameter RedrivePolicy is invalid. Reason: %s", reason)
}

// allowPolicy is the RedriveAllowPolicy of a dead-letter queue.
type allowPolicy struct {
	RedrivePermission string   `json:"redrivePermission"`
	SourceQueueArns   []string `json:"sourceQueueArns"`
}

func parseAllowPolicy(text string) (*allowPolicy, error) {
	policy := &allowPolicy{RedrivePermission: "allowAll"}
	if text == "" {
		return policy, nil
	}
	if err := json.Unmarshal([]byte(text), policy); err != nil {
		return nil, errAllowPolicy("It is not a JSON object with redrivePermission and sourceQueueArns.")
	}
	named := len(policy.SourceQueueArns)
	switch policy.RedrivePermission {
	case "allowAll", "denyAll":
		if named > 0 {
			return nil, errAllowPolicy("sourceQueueArns goes with the permission byQueue only.")
		}
	case "byQueue":
		if named < 1 || named > 10 {
			return nil, errAllowPolicy("The permission byQueue takes 1 to 10 sourceQueueArns.")
		}
	default:
		return nil, errAllowPolicy("The redrivePermission must be allowAll, denyAll or byQueue.")
	}
	return policy, nil
}

func errAllowPolicy(reason string) *apiError {
	return errInvalidParameter("Value for parameter RedriveAllowPolicy is invalid. Reason: %s", reason)
}

// allows says whether the queue of that ARN may use this dead-letter queue.
func (p *allowPolicy) allows(sourceARN string) bool {
	switch p.RedrivePermission {
	case "denyAll":
		return false
	case "byQueue":
		return slices.Contains(p.SourceQueueArns, sourceARN)
	}
	return true
}

// deadLetterQueue is where a visible message of q goes instead of being
// received once more, or nil: when the queue has no redrive policy, the message
// may be received again, or the dead-letter queue is gone.
func (a *account) deadLetterQueue(q *queue, m *message) *queue {
	if q.redrive.targetARN == "" || m.localReceives < q.redrive.maxReceiveCount {
		return nil
	}
	return a.queueByARN(q.redrive.targetARN)
}

// deadLetter moves a message to the dead-letter queue. Id, attributes, times
// and receive count stay; on a standard queue also the instant its retention
// counts from; on a FIFO queue that starts anew and the deduplication id becomes
// the message id ("Using dead-letter queues in Amazon SQS").
func (a *account) deadLetter(q, target *queue, m *message, now time.Time) {
	q.take(m)
	m.sourceARN = q.arn
	m.localReceives = 0
	if target.fifo {
		m.retainedSince = now
		m.deduplicationID = m.id
	}
	a.record(DeadLettered, q, m, now)
	target.put(m, now, now)
}

// isDeadLetterQueue says whether a queue's redrive policy names q.
func (a *account) isDeadLetterQueue(q *queue) bool {
	for _, source := range a.queues {
		if source.redrive.targetARN == q.arn {
			return true
		}
	}
	return false
}

// checkRedrive checks what a queue's redrive policy says of other queues.
func (a *account) checkRedrive(q *queue, policy redrivePolicy) error {
	if policy.targetARN == "" {
		return nil
	}
	target := a.queueByARN(policy.targetARN)
	switch {
	case target == nil:
		return errRedrivePolicy("Dead letter target does not exist.")
	case target.fifo != q.fifo:
		return errRedrivePolicy("Dead-letter queue must be same type of queue as the source.")
	case !target.allow.allows(q.arn):
		return errRedrivePolicy("The RedriveAllowPolicy of the dead-letter queue does not allow this source queue.")
	}
	return nil
}

type listDeadLetterSourceQueuesInput struct {
	queueTarget
	pageRequest
}

type listDeadLetterSourceQueuesOutput struct {
	QueueUrls []string `json:"queueUrls"` // in lower case in the service model
	NextToken string   `json:",omitempty"`
}

func (a *account) listDeadLetterSourceQueues(
	_ *call, in *listDeadLetterSourceQueuesInput,
) (*listDeadLetterSourceQueuesOutput, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	urls, token, err := in.page(a.urlsWhere(func(source *queue) bool {
		return source.redrive.targetARN == q.arn
	}))
	return &listDeadLetterSourceQueuesOutput{QueueUrls: urls, NextToken: token}, err
}
