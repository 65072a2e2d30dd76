package lambdax

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// PublisherConfig tunes a [Publisher]. The zero value is a good default.
type PublisherConfig struct {
	// Account is the number of the account whose topics they are, 12 digits. With it the ARNs of the topics are put together without
	// a call. Default: the topics are looked up by name, once each, which needs the permission sns:ListTopics and one call for every
	// hundred topics of the account.
	Account string
	// Region is the region of the ARNs, with Account. Default: that of the client, where it is an *sns.Client.
	Region string
	// Partition is that of the ARNs, with Account. Default: that of the region, such as "aws" or "aws-cn".
	Partition string
	// Naming returns the names of the topics. Default: [TopicName].
	Naming Naming
	// MaxMessageSize is the size of a message and of a batch of them, in bytes: set it to the attribute MaximumMessageSize of the
	// topics where that was changed, up to 1 MiB. Default: [DefaultMessageSize], 256 KiB. What a subscription without raw delivery puts
	// around a message counts on its queue, too.
	MaxMessageSize int
	// Linger is how long the first message of a batch waits for others. Default 0: not at all; messages that come while a
	// call is in flight share the next one anyway.
	Linger time.Duration
}

func (c *PublisherConfig) check() error {
	switch {
	case c.Linger < 0:
		return fmt.Errorf("negative Linger %s", c.Linger)
	case c.MaxMessageSize != 0 && (c.MaxMessageSize < minMessageSize || c.MaxMessageSize > MaxMessageSize):
		return fmt.Errorf("MaxMessageSize %d: a topic takes %d to %d bytes", c.MaxMessageSize, minMessageSize, MaxMessageSize)
	case c.Account == "" && (c.Region != "" || c.Partition != ""):
		return errors.New("a Region or Partition is for ARNs that are put together, and Account is missing")
	case c.Account != "" && (len(c.Account) != 12 || strings.Trim(c.Account, "0123456789") != ""):
		return fmt.Errorf("the Account %q is not a number of 12 digits", c.Account)
	}
	return nil
}

// arnPrefix is what the ARNs of all topics begin with, "" when they are looked up.
func (c *PublisherConfig) arnPrefix(api PublisherAPI) (string, error) {
	if c.Account == "" {
		return "", nil
	}
	region := c.Region
	if client, ok := api.(interface{ Options() sns.Options }); ok && region == "" {
		region = client.Options().Region
	}
	if region == "" {
		return "", errors.New("the ARNs of the topics need a Region")
	}
	partition := c.Partition
	if partition == "" {
		partition = partitionOf(region)
	}
	return "arn:" + partition + ":sns:" + region + ":" + c.Account + ":", nil
}

// partitionOf follows the names of the regions.
func partitionOf(region string) string {
	for prefix, partition := range map[string]string{
		"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b", "eu-isoe-": "aws-iso-e",
		"us-isof-": "aws-iso-f", "eusc-": "aws-eusc",
	} {
		if strings.HasPrefix(region, prefix) {
			return partition
		}
	}
	return "aws"
}
