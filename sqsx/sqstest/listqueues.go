package sqstest

import (
	"encoding/base64"
	"slices"
	"strings"
)

type getQueueURLInput struct {
	QueueName              string `sqs:"required"`
	QueueOwnerAWSAccountId *string
}

func (a *account) getQueueURL(_ *call, in *getQueueURLInput) (*queueURLOutput, error) {
	q := a.queues[in.QueueName]
	if q == nil || in.QueueOwnerAWSAccountId != nil && *in.QueueOwnerAWSAccountId != accountID {
		return nil, errQueueDoesNotExist()
	}
	return &queueURLOutput{QueueUrl: q.url}, nil
}

type listQueuesInput struct {
	QueueNamePrefix string
	pageRequest
}

type listQueuesOutput struct {
	QueueUrls []string `json:",omitempty"`
	NextToken string   `json:",omitempty"`
}

func (a *account) listQueues(_ *call, in *listQueuesInput) (*listQueuesOutput, error) {
	urls, token, err := in.page(a.urlsWhere(func(q *queue) bool { return strings.HasPrefix(q.name, in.QueueNamePrefix) }))
	return &listQueuesOutput{QueueUrls: urls, NextToken: token}, err
}

// urlsWhere are the URLs of the queues that a test keeps, sorted.
func (a *account) urlsWhere(keep func(*queue) bool) []string {
	urls := []string{}
	for _, q := range a.queues {
		if keep(q) {
			urls = append(urls, q.url)
		}
	}
	slices.Sort(urls)
	return urls
}

// pageRequest is the part of an input that asks for one page of a list.
type pageRequest struct {
	MaxResults *int
	NextToken  *string
}

// maxPage is the longest page of a list of queues.
const maxPage = 1000

// page cuts the asked page out of a sorted list; the token for the next page is
// the last item of this one, and "" on the last page and when MaxResults was
// not given.
func (p pageRequest) page(all []string) (items []string, token string, err error) {
	size := maxPage
	if p.MaxResults != nil {
		size = *p.MaxResults
	}
	if size < 1 || size > maxPage {
		return nil, "", errParameterRange("MaxResults", size, "MaxResults must be an integer between 1 and 1000.")
	}
	if p.NextToken != nil {
		after, err := base64.StdEncoding.DecodeString(*p.NextToken)
		if err != nil {
			return nil, "", errInvalidParameter("Invalid or expired next token.")
		}
		first, found := slices.BinarySearch(all, string(after))
		if found {
			first++
		}
		all = all[first:]
	}
	if len(all) <= size {
		return all, "", nil
	}
	if p.MaxResults != nil {
		token = base64.StdEncoding.EncodeToString([]byte(all[size-1]))
	}
	return all[:size], token, nil
}
