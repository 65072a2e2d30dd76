// Package partition knows the partitions of AWS: which one a region is in, and the domain
// of its services. The SDK has the same table and exports none of it; a test compares the
// two.
package partition

import (
	"regexp"
	"strings"
)

// standard is the partition of all regions that no other one claims.
const standard = "aws"

// rule describes a partition.
type rule struct {
	prefix string // of the names of its regions
	name   string // as ARNs have it
	domain string // of its services
}

// rules returns the partitions other than aws. No prefix is a prefix of another.
func rules() []rule {
	return []rule{
		{"cn-", "aws-cn", "amazonaws.com.cn"},
		{"eusc-", "aws-eusc", "amazonaws.eu"},
		{"us-gov-", "aws-us-gov", "amazonaws.com"},
		{"us-iso-", "aws-iso", "c2s.ic.gov"},
		{"us-isob-", "aws-iso-b", "sc2s.sgov.gov"},
		{"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"},
		{"us-isof-", "aws-iso-f", "csp.hci.ic.gov"},
	}
}

// IsRegion reports whether the text has the form of a region's name, such as us-east-1.
// It accepts regions that are newer than the library.
func IsRegion(text string) bool {
	return regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-\d+$`).MatchString(text)
}

// Of returns the partition of a region, such as "aws" or "aws-cn".
func Of(region string) string {
	for _, r := range rules() {
		if strings.HasPrefix(region, r.prefix) {
			return r.name
		}
	}
	return standard
}

// Domain returns the domain of the services of a partition, such as "amazonaws.com", also
// for a partition that it does not know.
func Domain(partition string) string {
	for _, r := range rules() {
		if r.name == partition {
			return r.domain
		}
	}
	return "amazonaws.com"
}
