package sqstest

import (
	"crypto/md5" //nolint:gosec // the checksum of the protocol
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
)

// md5Of is the MD5 of a message body, in lower-case hexadecimal.
func md5Of(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// md5OfAttributes is the MD5 of message attributes as the Amazon SQS Developer
// Guide defines it ("Calculating the MD5 message digest for message
// attributes"): sorted by name, each as name, data type, one byte for the
// transport type (1 for a string, 2 for bytes) and value, and each text
// preceded by its length in four bytes. It is "" for no attributes.
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
