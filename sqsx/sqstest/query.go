package sqstest

import (
	"bytes"
	"encoding/xml"
	"net/http"
)

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
		return f.text("Action"), newError("NoSuchVersion", "The form asks for version %q, this server speaks SNS %s.", version, snsVersion)
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
	response := xml.StartElement{Name: xml.Name{Local: name + "Response"}, Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: snsXML}}}
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
