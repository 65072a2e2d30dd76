//go:build goexperiment.jsonv2

package codec_test

// liveOracle reports whether encoding/json is the implementation of Go 1.26.
const liveOracle = false
