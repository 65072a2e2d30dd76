package sqstest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// protocol is how the requests of a service are written, and its answers.
type protocol interface {
	// operation is the name of the operation that is asked for.
	operation(r *http.Request, body []byte) (string, error)
	// find finds an operation, nil for one that the server does not know.
	find(name string) operation
	// unknown is the code for an operation that the server does not know.
	unknown() string
	// decode reads the input of an operation into a pointer to a struct.
	decode(body []byte, into any) error
	// answer writes what an operation returned.
	answer(name string, out any) *reply
	// refusal writes an error.
	refusal(err *apiError) *reply
}

// protocolOf tells the services apart: EventBridge Scheduler has paths, SNS takes forms,
// SQS takes JSON.
func protocolOf(r *http.Request) protocol {
	if isScheduler(r) {
		return restProtocol{r.Method, r.URL}
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), formType) {
		return queryProtocol{}
	}
	return jsonProtocol{}
}

// jsonProtocol is AWS JSON 1.0, which SQS speaks.
type jsonProtocol struct{}

const (
	jsonType     = "application/x-amz-json-1.0"
	targetPrefix = "AmazonSQS."
)

func (jsonProtocol) operation(r *http.Request, _ []byte) (string, error) {
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	if !ok || !strings.HasPrefix(r.Header.Get("Content-Type"), jsonType) {
		return "", newError("InvalidAction", "This is not a request of the AWS JSON 1.0 protocol: "+
			"it needs the header X-Amz-Target: %sOPERATION and the Content-Type %s.", targetPrefix, jsonType)
	}
	return name, nil
}

func (jsonProtocol) find(name string) operation {
	for _, find := range []func(string) operation{messageOperation, batchOperation, queueOperation, taskOperation} {
		if op := find(name); op != nil {
			return op
		}
	}
	return nil
}

func (jsonProtocol) unknown() string { return "UnknownOperationException" }

func (jsonProtocol) decode(body []byte, into any) error { return decodeShape(body, into) }

func (jsonProtocol) answer(_ string, out any) *reply {
	body, err := json.Marshal(out)
	return newReply(http.StatusOK, jsonType, body, err)
}

// jsonError is the body of an error.
type jsonError struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func (jsonProtocol) refusal(e *apiError) *reply {
	body, err := json.Marshal(jsonError{Type: "com.amazonaws.sqs#" + e.code, Message: e.message})
	r := newReply(e.httpStatus(), jsonType, body, err)
	r.header.Set("X-Amzn-Query-Error", e.queryError())
	return r
}

// queryProtocol is the AWS Query protocol, which SNS speaks: forms in, XML out.
type queryProtocol struct{}

const (
	formType   = "application/x-www-form-urlencoded"
	snsVersion = "2010-03-31"
	snsXML     = "http://sns.amazonaws.com/doc/2010-03-31/"
)

func (queryProtocol) operation(_ *http.Request, body []byte) (string, error) {
	f, err := parseForm(string(body))
	if err != nil {
		return "", err
	}
	if version := f.text("Version"); version != snsVersion {
		return f.text(
				"Action",
			), newError(
				"NoSuchVersion",
				"The form asks for version %q, this server speaks SNS %s.",
				version,
				snsVersion,
			)
	}
	return f.text("Action"), nil
}

func (queryProtocol) find(name string) operation {
	for _, find := range []func(string) operation{topicOperation, subscriptionOperation} {
		if op := find(name); op != nil {
			return op
		}
	}
	return nil
}

func (queryProtocol) unknown() string { return "InvalidAction" }

func (queryProtocol) decode(body []byte, into any) error { return decodeForm(string(body), into) }

// answer writes <NameResponse><NameResult>...</NameResult>...</NameResponse>.
func (queryProtocol) answer(name string, out any) *reply {
	r := newReply(http.StatusOK, "text/xml", nil, nil)
	var body bytes.Buffer
	encoder := xml.NewEncoder(&body)
	response := xml.StartElement{
		Name: xml.Name{Local: name + "Response"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: snsXML}},
	}
	metadata := struct {
		RequestID string `xml:"RequestId"`
	}{r.header.Get("X-Amzn-Requestid")}
	_ = encoder.EncodeToken(response) // a buffer takes everything
	r.err = encoder.EncodeElement(out, xml.StartElement{Name: xml.Name{Local: name + "Result"}})
	_ = encoder.EncodeElement(metadata, xml.StartElement{Name: xml.Name{Local: "ResponseMetadata"}})
	_ = encoder.EncodeToken(response.End())
	_ = encoder.Flush()
	r.body = body.Bytes()
	return r
}

// xmlError is the body of an error.
type xmlError struct {
	XMLName   xml.Name `xml:"http://sns.amazonaws.com/doc/2010-03-31/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

func (queryProtocol) refusal(e *apiError) *reply {
	r := newReply(e.httpStatus(), "text/xml", nil, nil)
	body := xmlError{Type: "Receiver", Code: e.code, Message: e.message, RequestID: r.header.Get("X-Amzn-Requestid")}
	if e.senderFault() {
		body.Type = "Sender"
	}
	r.body, r.err = xml.Marshal(body)
	return r
}

// xmlMap is a map as an answer has it.
type xmlMap struct {
	Entries []xmlEntry `xml:"entry"`
}

type xmlEntry struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

// form is the tree that the names of a form's fields make: a.member.1.b=c is the
// text c at b in 1 in member in a. A node has a text or members, not both.
type form struct {
	value   string
	members map[string]*form // nil for a text
}

// maxFormDepth is deeper than any name of SNS.
const maxFormDepth = 12

// parseForm reads a form strictly: no name twice, no name that is a text and a
// node, nothing that is not UTF-8.
func parseForm(body string) (*form, error) {
	values, err := url.ParseQuery(body)
	if err != nil || !utf8.ValidString(body) {
		return nil, errSNS("The request is not a form in UTF-8.")
	}
	root := &form{members: map[string]*form{}}
	for name, texts := range values {
		if len(texts) > 1 {
			return nil, errSNS("The parameter %s is given twice.", name)
		}
		if !utf8.ValidString(name + texts[0]) {
			return nil, errSNS("The request is not a form in UTF-8.")
		}
		if !root.set(strings.Split(name, "."), texts[0]) {
			return nil, errSNS("The parameter %s does not go with the others.", name)
		}
	}
	return root, nil
}

// set puts a text in the tree; it is false when there is no place for it.
func (f *form) set(path []string, value string) bool {
	if len(path) > maxFormDepth {
		return false
	}
	for _, name := range path[:len(path)-1] {
		next := f.members[name]
		if next == nil {
			next = &form{members: map[string]*form{}}
			f.members[name] = next
		}
		if next.members == nil {
			return false
		}
		f = next
	}
	last := path[len(path)-1]
	if f.members[last] != nil {
		return false
	}
	f.members[last] = &form{value: value}
	return true
}

// text is the text of a member, "" when there is none.
func (f *form) text(name string) string {
	if member := f.members[name]; member != nil {
		return member.value
	}
	return ""
}

// decodeForm reads a form into a pointer to a struct. As with JSON, it is
// stricter than the service: a parameter the struct does not have, also one in
// another case, is an error. A field tagged sqs:"required" must be there. The
// tag query names the two parts of the entries of a map: key and value, if there
// is none.
func decodeForm(body string, into any) error {
	f, err := parseForm(body)
	if err != nil {
		return err
	}
	delete(f.members, "Action")
	delete(f.members, "Version")
	return f.decode(reflect.ValueOf(into).Elem(), "", nil)
}

func (f *form) decode(v reflect.Value, tag reflect.StructTag, p *place) error {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return f.decode(v.Elem(), tag, p)
	case reflect.Struct:
		return f.decodeStruct(v, p)
	case reflect.Map:
		return f.decodeMap(v, tag, p)
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			return f.decodeList(v, p)
		}
	}
	if f.members != nil {
		return errSNS("The parameter %s is a text.", p)
	}
	return f.decodeText(v, p)
}

func (f *form) decodeText(v reflect.Value, p *place) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(f.value)
	case reflect.Bool:
		if f.value != "true" && f.value != "false" {
			return errSNS("The parameter %s is true or false.", p)
		}
		v.SetBool(f.value == "true")
	default:
		bytes, err := base64.StdEncoding.DecodeString(f.value)
		if err != nil {
			return errSNS("The parameter %s is not base64.", p)
		}
		v.SetBytes(bytes)
	}
	return nil
}

func (f *form) decodeStruct(v reflect.Value, p *place) error {
	if f.members == nil {
		return errSNS("The parameter %s has members.", p)
	}
	known := map[string]bool{}
	for _, field := range reflect.VisibleFields(v.Type()) {
		if field.Anonymous || !field.IsExported() {
			continue
		}
		here := &place{in: p, name: field.Name}
		known[field.Name] = true
		member := f.members[field.Name]
		switch {
		case member != nil:
			if err := member.decode(v.FieldByIndex(field.Index), field.Tag, here); err != nil {
				return err
			}
		case field.Tag.Get("sqs") == "required":
			return errSNSParameter(here.String(), "no value for required parameter")
		}
	}
	return f.only(known, p)
}

// only finds members that are not known.
func (f *form) only(known map[string]bool, p *place) error {
	for _, name := range slices.Sorted(maps.Keys(f.members)) {
		if !known[name] {
			return errSNS("The parameter %s is not one of this operation.", &place{in: p, name: name})
		}
	}
	return nil
}

// items are the nodes name.1, name.2 and so on, of which none may be missing.
func (f *form) items(name string, p *place) ([]*form, error) {
	if f.members == nil {
		if f.value == "" { // an empty list has no other form
			return nil, nil
		}
		return nil, errSNS("The parameter %s is a list or a map.", p)
	}
	if err := f.only(map[string]bool{name: true}, p); err != nil {
		return nil, err
	}
	numbered, items := f.members[name], []*form(nil)
	for i := 1; i <= len(numbered.members); i++ {
		item := numbered.members[strconv.Itoa(i)]
		if item == nil {
			return nil, errSNS("The parameter %s is not numbered from 1 on.", p)
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil, errSNS("The parameter %s is a list or a map.", p)
	}
	return items, nil
}

func (f *form) decodeList(v reflect.Value, p *place) error {
	items, err := f.items("member", p)
	if err != nil {
		return err
	}
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if err := item.decode(list.Index(i), "", &place{in: p, name: strconv.Itoa(i + 1)}); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

func (f *form) decodeMap(v reflect.Value, tag reflect.StructTag, p *place) error {
	items, err := f.items("entry", p)
	if err != nil {
		return err
	}
	keyName, valueName, named := strings.Cut(tag.Get("query"), ",")
	if !named {
		keyName, valueName = "key", "value"
	}
	entries := reflect.MakeMapWithSize(v.Type(), len(items))
	for i, item := range items {
		key, value := item.members[keyName], item.members[valueName]
		here := &place{in: p, name: strconv.Itoa(i + 1)}
		if key == nil || key.members != nil || value == nil || len(item.members) != 2 {
			return errSNS("The parameter %s has one %s and one %s.", here, keyName, valueName)
		}
		if entries.MapIndex(reflect.ValueOf(key.value)).IsValid() {
			return errSNS("The parameter %s repeats a name.", here)
		}
		made := reflect.New(v.Type().Elem()).Elem()
		if err := value.decode(made, "", here); err != nil {
			return err
		}
		entries.SetMapIndex(reflect.ValueOf(key.value), made)
	}
	v.Set(entries)
	return nil
}

// Truncate sends the first n bytes of the answer's body, after headers that
// promise all of it, and ends the connection.
func Truncate(n int) Effect {
	return Effect{name: "truncate", wire: func(r *reply) { r.cut, r.isCut = n, true }}
}

// Drip sends the answer's body one byte at a time, one each interval: every read
// makes progress, so that only a deadline on the whole call ends it early.
func Drip(interval time.Duration) Effect {
	return Effect{name: "drip", wire: func(r *reply) { r.drip = interval }}
}

// Oversize pads the answer's body with n bytes of white space, which JSON
// allows.
func Oversize(n int) Effect {
	return Effect{name: "oversize", wire: func(r *reply) { r.padding = n }}
}

// wire is how an answer is put on a connection.
type wire struct {
	reset   bool
	isCut   bool
	cut     int // bytes of the body that are sent, when isCut
	drip    time.Duration
	padding int
}

// reader is the body as it comes over the connection. The pause function waits
// between bytes that drip; its error ends the body.
func (r *reply) reader(pause func(time.Duration) error) io.Reader {
	body := io.MultiReader(bytes.NewReader(r.body), &blanks{left: r.padding})
	if r.isCut {
		body = &truncated{io.LimitReader(body, int64(r.cut))}
	}
	if r.drip > 0 {
		body = &dripping{body: body, pause: func() error { return pause(r.drip) }}
	}
	return body
}

func (r *reply) length() int { return len(r.body) + r.padding }

// blanks is a run of spaces.
type blanks struct{ left int }

func (b *blanks) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), b.left)
	for i := range p[:n] {
		p[i] = ' '
	}
	b.left -= n
	return n, nil
}

// truncated ends as a connection does that is cut in the middle of a body.
type truncated struct{ body io.Reader }

func (t *truncated) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// dripping gives one byte after each pause.
type dripping struct {
	body  io.Reader
	pause func() error
}

func (d *dripping) Read(p []byte) (int, error) {
	n, err := d.body.Read(p[:min(1, len(p))])
	if n == 0 {
		return 0, err
	}
	if err := d.pause(); err != nil {
		return 0, err
	}
	return n, err
}

// resetConnection ends the connection of a request with a TCP reset.
func resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) //nolint:forbidigo // the nearest thing for a writer without a connection
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // makes Close send a reset; failing that it still closes
	}
	_ = conn.Close()
}

// shape is what there is to know of a type of the service's model: a struct, a
// list, a map, or a scalar, which has none of these.
type shape struct {
	members  map[string]*shape // of a struct, by their names on the wire
	required []string          // of a struct
	element  *shape            // of a list or a map
}

// shapes caches the shape (*shape) of each input, by reflect.Type.
var shapes sync.Map

func shapeOf(t reflect.Type) *shape {
	known, _ := shapes.Load(t)
	if s, ok := known.(*shape); ok {
		return s
	}
	made := newShape(t)
	shapes.Store(t, made)
	return made
}

func newShape(t reflect.Type) *shape {
	switch t.Kind() {
	case reflect.Pointer:
		return newShape(t.Elem())
	case reflect.Map:
		return &shape{element: newShape(t.Elem())}
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 { // bytes are text on the wire
			return &shape{element: newShape(t.Elem())}
		}
	case reflect.Struct:
		return newStructShape(t)
	}
	return &shape{}
}

// newStructShape reads the fields of a struct. A member is named by the field's
// json tag, else by the field; a field tagged sqs:"required" is one that must be
// there and not null.
func newStructShape(t reflect.Type) *shape {
	s := &shape{members: map[string]*shape{}}
	for _, field := range reflect.VisibleFields(t) {
		if field.Anonymous || !field.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		s.members[name] = newShape(field.Type)
		if field.Tag.Get("sqs") == "required" {
			s.required = append(s.required, name)
		}
	}
	return s
}

// decodeShape reads the JSON of a request into a pointer to a struct. It is
// stricter than the service: a member the struct does not have, also one in
// another case, and a member given twice are errors, so that a misspelled or
// misplaced one is found, not ignored.
func decodeShape(data []byte, into any) error {
	if !utf8.Valid(data) {
		return errSerialization("the request is not valid UTF-8")
	}
	if err := json.Unmarshal(data, into); err != nil {
		return decodeError(err)
	}
	walk := &walk{data: data}
	walk.space()
	if data[walk.at] != '{' {
		return decodeError(nil)
	}
	return walk.value(shapeOf(reflect.TypeOf(into)), nil)
}

// decodeError says where the JSON is not as it should be, without its values.
func decodeError(err error) error {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) && mismatch.Field != "" {
		return errSerialization("the member %s is of another type", mismatch.Field)
	}
	return errSerialization("the request is not a JSON object of the operation's members")
}

func errSerialization(format string, args ...any) *apiError {
	return newError("SerializationException", format, args...)
}

// walk goes over JSON that is known to be valid and to fit its shape, and checks
// what encoding/json does not: that each member is one of the shape's, is given
// once, and is there when it must be.
type walk struct {
	data []byte
	at   int
}

// place is where a value stands, for error texts.
type place struct {
	in   *place
	name string
}

// String is the names of the members that lead to the place, with dots between.
func (p *place) String() string {
	var names []string
	for ; p != nil; p = p.in {
		names = append(names, p.name)
	}
	slices.Reverse(names)
	return strings.Join(names, ".")
}

// value checks the value at hand and goes past it.
func (w *walk) value(s *shape, p *place) error {
	w.space()
	switch w.data[w.at] {
	case '{':
		return w.object(s, p)
	case '[':
		return w.array(s, p)
	case '"':
		w.text()
	default:
		w.until(",]} \t\r\n")
	}
	return nil
}

func (w *walk) object(s *shape, p *place) error {
	seen := map[string]bool{}
	for w.enter('}') {
		var name string
		_ = json.Unmarshal(w.text(), &name) // known to be valid
		here := &place{in: p, name: name}
		if _, twice := seen[name]; twice {
			return errSerialization("the member %q is given twice", here)
		}
		w.space()
		w.at++ // the colon
		w.space()
		seen[name] = w.data[w.at] != 'n'
		member := s.element
		if s.members != nil {
			member = s.members[name]
		}
		if member == nil {
			return errSerialization("unknown member %q", here)
		}
		if err := w.value(member, here); err != nil {
			return err
		}
	}
	for _, name := range s.required {
		if !seen[name] {
			return errMissingParameter((&place{in: p, name: name}).String())
		}
	}
	return nil
}

func (w *walk) array(s *shape, p *place) error {
	if s.element == nil {
		return errSerialization("%s is a list", p)
	}
	for i := 1; w.enter(']'); i++ {
		here := &place{in: p, name: strconv.Itoa(i)}
		if w.data[w.at] == 'n' {
			return errSerialization("%s is null", here)
		}
		if err := w.value(s.element, here); err != nil {
			return err
		}
	}
	return nil
}

// enter goes past the opening bracket, or the comma, to the next item; it is
// false when there is none, and the closing bracket is behind.
func (w *walk) enter(closing byte) bool {
	w.space()
	if w.data[w.at] != closing {
		w.at++
		w.space()
	}
	if w.data[w.at] != closing {
		return true
	}
	w.at++
	return false
}

// text goes past a string and returns it as it is written, in its quotes.
func (w *walk) text() []byte {
	start := w.at
	for w.at++; w.data[w.at] != '"'; w.at++ {
		if w.data[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
	return w.data[start:w.at]
}

// until goes to the first of the given bytes, or to the end.
func (w *walk) until(stop string) {
	for w.at < len(w.data) && strings.IndexByte(stop, w.data[w.at]) < 0 {
		w.at++
	}
}

func (w *walk) space() {
	for w.at < len(w.data) && strings.IndexByte(" \t\r\n", w.data[w.at]) >= 0 {
		w.at++
	}
}

// maxRequestBytes bounds what is read of a request: a batch of 1 MiB whose
// every byte is escaped, in JSON or in a form.
const maxRequestBytes = 8 << 20

// readBody reads the body of a request.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBytes+1))
	if err != nil {
		return nil, errSerialization("the request ended early")
	}
	if len(body) > maxRequestBytes {
		return nil, newError("RequestEntityTooLarge", "The request is longer than %d bytes.", maxRequestBytes)
	}
	return body, nil
}

// newCall reads a request into a call that is ready to be made. The call has a
// protocol even when there is an error.
func (a *account) newCall(r *http.Request) (*call, error) {
	c := &call{protocol: protocolOf(r)}
	if r.Method != http.MethodPost && !isScheduler(r) {
		return c, newError("InvalidAction", "The method is %s, this server answers POST.", r.Method)
	}
	body, unread := readBody(r)
	name, err := c.protocol.operation(r, body)
	c.name, c.body = name, body
	if unread != nil {
		return c, unread
	}
	if err != nil {
		return c, err
	}
	prepare := c.protocol.find(c.name)
	if prepare == nil {
		return c, newError(c.protocol.unknown(), "The operation is not known to this server.")
	}
	return c, prepare(a, c)
}
