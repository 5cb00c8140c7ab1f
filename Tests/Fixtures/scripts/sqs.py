"""Drives the SQS endpoint given as the only argument with boto3, and fails on the first surprise."""
import hashlib
import json
import struct
import sys
import threading
import time

import boto3
from botocore.config import Config

sqs = boto3.client("sqs", endpoint_url=sys.argv[1], config=Config(retries={"total_max_attempts": 1}))


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except sqs.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error
    raise AssertionError(f"{code} was expected")


def queues():
    url = sqs.create_queue(QueueName="basic", Attributes={"VisibilityTimeout": "45"})["QueueUrl"]
    assert url == sqs.get_queue_url(QueueName="basic")["QueueUrl"]
    assert sqs.create_queue(QueueName="basic", Attributes={"VisibilityTimeout": "45"})["QueueUrl"] == url
    refused("QueueAlreadyExists", sqs.create_queue, QueueName="basic", Attributes={"VisibilityTimeout": "46"})
    refused("InvalidParameterValue", sqs.create_queue, QueueName="no spaces")
    refused("InvalidAttributeName", sqs.create_queue, QueueName="odd", Attributes={"Colour": "red"})
    error = refused("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName="missing")
    assert isinstance(error, sqs.exceptions.QueueDoesNotExist), error
    assert sqs.list_queues(QueueNamePrefix="bas")["QueueUrls"] == [url]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1"})
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "45" and attributes["DelaySeconds"] == "1"
    assert attributes["QueueArn"].endswith(":basic") and attributes["MaximumMessageSize"] == "1048576"
    only = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"]
    assert only == {"DelaySeconds": "1"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    return url


def attributes_md5(*attributes):
    """As the SQS developer guide has it, for attributes in the order of their names."""
    digest = hashlib.md5()
    for name, kind, transport, value in attributes:
        for part in (name.encode(), kind.encode()):
            digest.update(struct.pack(">I", len(part)) + part)
        digest.update(struct.pack(">BI", transport, len(value)) + value)
    return digest.hexdigest()


def messages(url):
    text = 'quotes " and \\ and \n lines, é, 🚀, \ufffd'
    sent = sqs.send_message(
        QueueUrl=url, MessageBody=text,
        MessageAttributes={
            "text": {"DataType": "String", "StringValue": "välue"},
            "number": {"DataType": "Number.float", "StringValue": "1.5"},
            "bytes": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
        },
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"}})
    assert sent["MD5OfMessageAttributes"] == attributes_md5(
        ("bytes", "Binary", 2, bytes(range(256))), ("number", "Number.float", 1, b"1.5"),
        ("text", "String", 1, "välue".encode()))
    assert "MD5OfMessageSystemAttributes" in sent
    message = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])["Messages"][0]
    assert message["Body"] == text and message["MessageId"] == sent["MessageId"]
    assert message["MessageAttributes"]["bytes"]["BinaryValue"] == bytes(range(256))
    assert message["MessageAttributes"]["text"] == {"DataType": "String", "StringValue": "välue"}
    assert message["Attributes"]["AWSTraceHeader"] == "Root=1-2-3"
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(message["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    again = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["te.*", "number"])["Messages"][0]
    assert set(again["MessageAttributes"]) == {"number"} and "Attributes" not in again
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=url, ReceiptHandle="nonsense")
    refused("InvalidParameterValue", sqs.change_message_visibility, QueueUrl=url,
            ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=43201)
    refused("InvalidMessageContents", sqs.send_message, QueueUrl=url, MessageBody="\x01")
    refused("MissingParameter", sqs.send_message, QueueUrl=url, MessageBody="")
    refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="x" * 1048577)
    refused("InvalidParameterValue", sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11)
    refused("InvalidParameterValue", sqs.receive_message, QueueUrl=url, WaitTimeSeconds=21)


def batches(url):
    def entry(number, **more):
        return {"Id": f"e{number}", "MessageBody": f"body {number}", **more}

    answer = sqs.send_message_batch(QueueUrl=url, Entries=[entry(n) for n in range(8)] + [
        entry(8, DelaySeconds=901), {"Id": "e9", "MessageBody": "\x02"}])
    assert [s["Id"] for s in answer["Successful"]] == [f"e{n}" for n in range(8)]
    assert [(f["Id"], f["Code"], f["SenderFault"]) for f in answer["Failed"]] == [
        ("e8", "InvalidParameterValue", True), ("e9", "InvalidMessageContents", True)]
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [m["Body"] for m in received] == [f"body {n}" for n in range(8)]
    handles = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(received)]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[dict(h, VisibilityTimeout=60) for h in handles])
    assert len(changed["Successful"]) == 8
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=handles + [{"Id": "bad", "ReceiptHandle": "x"}])
    assert len(deleted["Successful"]) == 8 and deleted["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
    prefix = "AWS.SimpleQueueService."
    refused(prefix + "EmptyBatchRequest", sqs.delete_message_batch, QueueUrl=url, Entries=[])
    refused(prefix + "TooManyEntriesInBatchRequest", sqs.send_message_batch, QueueUrl=url,
            Entries=[entry(n) for n in range(11)])
    refused(prefix + "BatchEntryIdsNotDistinct", sqs.send_message_batch, QueueUrl=url, Entries=[entry(1), entry(1)])
    refused(prefix + "InvalidBatchEntryId", sqs.send_message_batch, QueueUrl=url,
            Entries=[{"Id": "a b", "MessageBody": "x"}])
    refused(prefix + "BatchRequestTooLong", sqs.send_message_batch, QueueUrl=url,
            Entries=[{"Id": str(n), "MessageBody": "x" * 600000} for n in range(2)])


def long_poll(url):
    found = []
    poller = threading.Thread(target=lambda: found.extend(
        sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", [])))
    started = time.monotonic()
    poller.start()
    sqs.send_message(QueueUrl=url, MessageBody="wake up")
    poller.join(timeout=15)
    assert [m["Body"] for m in found] == ["wake up"] and time.monotonic() - started < 15
    sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
    # A visibility that ends wakes a poller, too.
    sqs.send_message(QueueUrl=url, MessageBody="hidden")
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=1)
    assert len(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]) == 1
    sqs.purge_queue(QueueUrl=url)
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)


def fifo():
    url = sqs.create_queue(
        QueueName="order.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
    refused("InvalidParameterValue", sqs.create_queue, QueueName="order", Attributes={"FifoQueue": "true"})
    first = sqs.send_message(QueueUrl=url, MessageBody="1", MessageGroupId="a")
    assert sqs.send_message(QueueUrl=url, MessageBody="1", MessageGroupId="a")["MessageId"] == first["MessageId"]
    sqs.send_message(QueueUrl=url, MessageBody="2", MessageGroupId="a", MessageDeduplicationId="two")
    sqs.send_message(QueueUrl=url, MessageBody="3", MessageGroupId="b")
    refused("MissingParameter", sqs.send_message, QueueUrl=url, MessageBody="4")
    head = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"][0]
    assert head["Attributes"]["MessageGroupId"] == "a"
    assert head["Attributes"]["SequenceNumber"] == first["SequenceNumber"] and len(first["SequenceNumber"]) == 20
    others = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [m["Body"] for m in others] == ["3"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=head["ReceiptHandle"])
    tail = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)["Messages"]
    assert [m["Body"] for m in tail] == ["2"]
    refused("InvalidParameterValue", sqs.delete_message, QueueUrl=url, ReceiptHandle=tail[0]["ReceiptHandle"])


def dead_letters():
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    refused("InvalidParameterValue", sqs.create_queue, QueueName="bad",
            Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn + "x", "maxReceiveCount": 2})})
    url = sqs.create_queue(QueueName="source", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    spelled = json.dumps({"maxReceiveCount": "2", "deadLetterTargetArn": arn})
    assert sqs.create_queue(QueueName="source", Attributes={"RedrivePolicy": spelled})["QueueUrl"] == url
    sent = sqs.send_message(QueueUrl=url, MessageBody="poison")
    for _ in range(2):
        assert len(sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]) == 1
    assert "Messages" not in sqs.receive_message(QueueUrl=dead)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    letter = sqs.receive_message(QueueUrl=dead, VisibilityTimeout=0, AttributeNames=["All"])["Messages"][0]
    assert letter["MessageId"] == sent["MessageId"]
    assert letter["Attributes"]["DeadLetterQueueSourceArn"].endswith(":source")
    assert letter["Attributes"]["ApproximateReceiveCount"] == "3"
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    task = sqs.start_message_move_task(SourceArn=arn)
    assert task["TaskHandle"]
    result = sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]
    assert result["Status"] == "COMPLETED" and result["ApproximateNumberOfMessagesMoved"] == 1
    back = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"][0]
    assert back["Body"] == "poison" and back["MessageId"] != sent["MessageId"]
    assert back["Attributes"]["ApproximateReceiveCount"] == "1"
    refused("ResourceNotFoundException", sqs.start_message_move_task, SourceArn=arn + "x")
    sqs.delete_queue(QueueUrl=url)
    refused("AWS.SimpleQueueService.NonExistentQueue", sqs.receive_message, QueueUrl=url)


basic = queues()
messages(basic)
batches(basic)
long_poll(basic)
fifo()
dead_letters()
print("ok")
