// Package letters has the commands that are about dead letters and single messages.
package letters
