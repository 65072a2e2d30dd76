package codec_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
)

// structWith returns a struct type whose field has the name in JSON.
func structWith(name string) reflect.Type {
	return reflect.StructOf([]reflect.StructField{{Name: "F", Type: reflect.TypeFor[int](), Tag: reflect.StructTag(`json:"` + name + `"`)}})
}

func TestKeysOfEveryLength(t *testing.T) {
	t.Parallel()
	for length := 1; length < 70; length++ {
		name := strings.Repeat("abcdefg", 10)[:length]
		v := reflect.New(structWith(name)).Elem()
		require.NoError(t, codec.DecodeValue(`{"`+name+`":7}`, v))
		require.EqualValues(t, 7, v.Field(0).Int(), name)
		text, err := codec.EncodeValue(v)
		require.NoError(t, err)
		require.Equal(t, `{"`+name+`":7}`, string(text))
		for at := range length {
			other := name[:at] + "0" + name[at+1:]
			require.NoError(t, codec.DecodeValue(`{"`+other+`":8,"`+name+`0":8,"`+name[1:]+`":8}`, v))
			require.EqualValues(t, 7, v.Field(0).Int(), "%s is another member", other)
		}
		require.Error(t, codec.DecodeValue(`{"`+name, v))
		require.Error(t, codec.DecodeValue(`{"`+name+`"`, v))
	}
}
