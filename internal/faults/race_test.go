//go:build race

package faults_test

// raceDetector tells whether the race detector is on.
const raceDetector = true
