package sqsx

import "strings"

// grant is what a role may call on the queues of an application, and what on their dead-letter queues.
type grant struct {
	role        Role
	sid         string   // of the statements, without the queue
	queues      []string // operations of SQS
	deadLetters []string
	key         []string // actions on the KMS key of the queues
}

// grants is the table that the policies are made of. A test compares it with what each role really calls.
//
// A move task is made in the name of who starts it, so that needs the permissions to receive, delete and send as well. Source: "Configuring
// a dead-letter queue redrive", Amazon SQS Developer Guide. Who sends to an encrypted queue needs a data key and, to check it, to decrypt;
// who receives decrypts. Source: "Amazon SQS key management". An event source mapping looks at the attributes of its queue. Source: "Using
// Lambda with Amazon SQS", AWS Lambda Developer Guide.
func grants() []grant {
	return []grant{
		{
			role: RolePublisher, sid: "TaskhawkPublisher",
			queues: []string{"GetQueueUrl", "SendMessageBatch"},
			key:    []string{"kms:GenerateDataKey", "kms:Decrypt"},
		},
		{
			role: RoleWorker, sid: "TaskhawkWorker",
			queues:      []string{"GetQueueUrl", "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"},
			deadLetters: []string{"GetQueueUrl", "SendMessageBatch"},
			key:         []string{"kms:GenerateDataKey", "kms:Decrypt"},
		},
		{
			role: RoleFunction, sid: "TaskhawkFunction",
			queues: []string{
				"GetQueueUrl", "GetQueueAttributes", "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch",
			},
			deadLetters: []string{"GetQueueUrl", "SendMessageBatch"},
			key:         []string{"kms:GenerateDataKey", "kms:Decrypt"},
		},
		{
			role: RoleRedrive, sid: "TaskhawkRedrive",
			queues: []string{"GetQueueUrl", "SendMessageBatch"},
			deadLetters: []string{
				"GetQueueUrl", "GetQueueAttributes", "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch",
				"StartMessageMoveTask", "ListMessageMoveTasks", "CancelMessageMoveTask",
			},
			key: []string{"kms:GenerateDataKey", "kms:Decrypt"},
		},
		{
			role: RoleProvision, sid: "TaskhawkProvision",
			queues:      []string{"GetQueueUrl", "CreateQueue", "TagQueue", "GetQueueAttributes", "SetQueueAttributes"},
			deadLetters: []string{"GetQueueUrl", "CreateQueue", "TagQueue", "GetQueueAttributes"},
		},
		{
			role: RoleCheck, sid: "TaskhawkCheck",
			queues:      []string{"GetQueueUrl", "GetQueueAttributes"},
			deadLetters: []string{"GetQueueUrl", "GetQueueAttributes"},
		},
	}
}

// actions are the IAM actions of operations: those on batches need that of the single operation.
func actions(operations []string) []string {
	names := make([]string, len(operations))
	for i, operation := range operations {
		names[i] = "sqs:" + strings.TrimSuffix(operation, "Batch")
	}
	return names
}
