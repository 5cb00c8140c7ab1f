"""Powertools for AWS Lambda: its batch processor and its idempotency with Redis, outside of Lambda, which is left out
of the account. Each event is remembered before and after it is handled."""

import json
import os

import boto3
import redis
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.idempotency.persistence.redis import RedisCachePersistenceLayer
from verification import Verifier

sqs = boto3.client("sqs", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1")
queue = os.environ["QUEUE_URL"]
verifier = Verifier(open(os.environ["KEY_SET"]).read())
store = RedisCachePersistenceLayer(
    client=redis.Redis(unix_socket_path=os.environ["REDIS"], decode_responses=True))
config = IdempotencyConfig(event_key_jmespath="id", expires_after_seconds=5 * 86_400)
processor = BatchProcessor(event_type=EventType.SQS)


@idempotent_function(data_keyword_argument="event", config=config, persistence_store=store)
def handle(event):
    return {"handled": len(json.loads(event["payload"]))}


def take(record: SQSRecord):
    id, payload = verifier.verify(record.body)
    handle(event={"id": id, "payload": payload.decode()})


def record_of(message):
    return {
        "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
        "attributes": message["Attributes"], "messageAttributes": {}, "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:bench",
        "awsRegion": "us-east-1",
    }


while True:
    reply = sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageSystemAttributeNames=["All"])
    messages = reply.get("Messages", [])
    if not messages:
        continue
    with processor(records=[record_of(message) for message in messages], handler=take):
        processor.process()
    failed = {item["itemIdentifier"] for item in processor.response()["batchItemFailures"]}
    entries = [
        {"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]}
        for i, m in enumerate(messages) if m["MessageId"] not in failed]
    if entries:
        sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
