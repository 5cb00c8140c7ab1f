"""boto3 alone: receive, verify, handle, delete. It remembers nothing, so what comes twice is done twice."""

import json
import os

import boto3
from verification import Verifier

sqs = boto3.client("sqs", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1")
queue = os.environ["QUEUE_URL"]
verifier = Verifier(open(os.environ["KEY_SET"]).read())

while True:
    reply = sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageSystemAttributeNames=["All"])
    messages = reply.get("Messages", [])
    for message in messages:
        _, payload = verifier.verify(message["Body"])
        json.loads(payload)
    if messages:
        entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
