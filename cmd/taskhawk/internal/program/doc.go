// Package program has what the commands of taskhawk share: flags, streams,
// clients of AWS, tables, JSON, questions, progress and exit codes.
package program
