// Package letters has the commands for dead letters and single messages.
package letters
