package sqstest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// protocol is the encoding of the requests and answers of a service.
type protocol interface {
	// operation returns the name of the requested operation.
	operation(r *http.Request, body []byte) (string, error)
	// find returns an operation, or nil if the server does not know it.
	find(name string) operation
	// unknown returns the error code for an unknown operation.
	unknown() string
	// decode reads the input of an operation into a pointer to a struct.
	decode(body []byte, into any) error
	// answer encodes the output of an operation.
	answer(name string, out any) *reply
	// refusal encodes an error.
	refusal(err *apiError) *reply
}

// protocolOf distinguishes the services: EventBridge Scheduler has paths, SNS takes
// forms, SQS takes JSON.
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

// xmlMap is a map in an answer.
type xmlMap struct {
	Entries []xmlEntry `xml:"entry"`
}

type xmlEntry struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

// maxRequestBytes is the largest request that is read: a batch of 1 MiB with every byte
// escaped, in JSON or in a form.
const maxRequestBytes = 8 << 20

// readBody reads the body of a request. A body that ends early breaks no rule: its client
// is gone, as a process that is killed is, and gets no answer.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	if len(body) > maxRequestBytes {
		return nil, newError("RequestEntityTooLarge", "The request is longer than %d bytes.", maxRequestBytes)
	}
	return body, nil
}

// newCall reads a request into a call that is ready to run. The call has a protocol even
// on an error.
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
