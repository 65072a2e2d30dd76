//go:build race

package faults_test

// raceDetector reports whether the race detector is on.
const raceDetector = true
