"""Drives the EventBridge endpoint given as the only argument with boto3, and fails on the first surprise."""
import json
import sys
from datetime import datetime, timezone

import boto3
from botocore.config import Config

once = Config(retries={"total_max_attempts": 1})
sqs = boto3.client("sqs", endpoint_url=sys.argv[1], config=once)
events = boto3.client("events", endpoint_url=sys.argv[1], config=once)


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except events.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        return
    raise AssertionError(f"{code} was expected")


def queue(name, **attributes):
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def entry(**changes):
    base = {"EventBusName": "qsl", "Source": "qsl.treasury", "DetailType": "Payment.Created.v1",
            "Detail": json.dumps({"amount": 100}), "Resources": ["urn:qsl:treasury:payment:1"]}
    return {**base, **changes}


payments, payments_arn = queue("payments")
ordered, ordered_arn = queue("ordered.fifo", FifoQueue="true", ContentBasedDeduplication="true")

bus = events.create_event_bus(Name="qsl")["EventBusArn"]
assert bus.endswith(":event-bus/qsl")
refused("ResourceAlreadyExistsException", events.create_event_bus, Name="qsl")
assert [b["Name"] for b in events.list_event_buses()["EventBuses"]] == ["default", "qsl"]

pattern = json.dumps({"source": ["qsl.treasury"], "detail-type": [{"prefix": "Payment."}]})
arn = events.put_rule(Name="to-queues", EventBusName=bus, EventPattern=pattern, Description="both")["RuleArn"]
assert arn.endswith(":rule/qsl/to-queues")
refused("InvalidEventPatternException", events.put_rule, Name="bad", EventBusName="qsl", EventPattern='{"a": 1}')
refused("ResourceNotFoundException", events.put_rule, Name="r", EventBusName="missing", EventPattern=pattern)
put = events.put_targets(Rule="to-queues", EventBusName="qsl", Targets=[
    {"Id": "standard", "Arn": payments_arn},
    {"Id": "fifo", "Arn": ordered_arn, "SqsParameters": {"MessageGroupId": "g"}}])
assert put["FailedEntryCount"] == 0
rule = events.describe_rule(Name="to-queues", EventBusName="qsl")
assert rule["EventPattern"] == pattern and rule["State"] == "ENABLED" and rule["Description"] == "both"
assert [r["Name"] for r in events.list_rules(EventBusName="qsl")["Rules"]] == ["to-queues"]
targets = events.list_targets_by_rule(Rule="to-queues", EventBusName="qsl")["Targets"]
assert {t["Id"] for t in targets} == {"standard", "fifo"}

at = datetime(2026, 11, 20, 8, 15, tzinfo=timezone.utc)
answer = events.put_events(Entries=[
    entry(Time=at), entry(Detail="nonsense"), entry(Source="qsl.token"), entry(EventBusName=bus)])
assert answer["FailedEntryCount"] == 1 and answer["Entries"][1]["ErrorCode"] == "MalformedDetail"
received = sqs.receive_message(QueueUrl=payments, MaxNumberOfMessages=10)["Messages"]
assert len(received) == 2
envelope = json.loads(received[0]["Body"])
assert envelope == {
    "version": "0", "id": answer["Entries"][0]["EventId"], "detail-type": "Payment.Created.v1",
    "source": "qsl.treasury", "account": "000000000000", "time": "2026-11-20T08:15:00Z", "region": "eu-central-1",
    "resources": ["urn:qsl:treasury:payment:1"], "detail": {"amount": 100}}
grouped = sqs.receive_message(QueueUrl=ordered, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
assert [m["Attributes"]["MessageGroupId"] for m in grouped] == ["g", "g"]
refused("ValidationException", events.put_events, Entries=[entry() for _ in range(11)])
refused("ValidationException", events.put_events, Entries=[entry(Detail=json.dumps({"a": "x" * 1048576}))])

event = json.dumps(envelope)
assert events.test_event_pattern(EventPattern=pattern, Event=event)["Result"] is True
assert events.test_event_pattern(EventPattern='{"source": ["x"]}', Event=event)["Result"] is False

refused("ValidationException", events.delete_rule, Name="to-queues", EventBusName="qsl")
events.remove_targets(Rule="to-queues", EventBusName="qsl", Ids=["standard", "fifo"])
events.delete_rule(Name="to-queues", EventBusName="qsl")
refused("ResourceNotFoundException", events.describe_rule, Name="to-queues", EventBusName="qsl")
events.delete_event_bus(Name="qsl")
print("ok")
