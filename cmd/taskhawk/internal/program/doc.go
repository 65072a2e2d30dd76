// Package program is what the commands of taskhawk have in common: flags, streams,
// clients of AWS, tables, JSON, questions, progress and exit codes.
package program
