# SPDX-License-Identifier: Apache-2.0
"""The events' schemas say what Viva writes and reads, and the AsyncAPI document says how it travels."""

import json
import re

import jsonschema
import pytest

import event_schemas
import viva_platform

EVENTS = sorted(event_schemas.FILES)


def example_of(event):
    return event_schemas.schema_of(event)["examples"][0]


@pytest.mark.parametrize("event", EVENTS)
def test_a_schema_is_one_and_its_example_is_valid(event):
    schema = event_schemas.schema_of(event)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == event
    event_schemas.validate(event, example_of(event))


def test_what_viva_writes_is_valid_and_comes_back():
    written = event_schemas.written_events()
    assert {name for name, _ in written} == set(EVENTS)
    for name, text in written:
        event_schemas.validate(name, json.loads(text))
    assert event_schemas.read_events(written) == written


@pytest.mark.parametrize("event", EVENTS)
def test_the_schemas_examples_are_read(event):
    [(name, text)] = event_schemas.read_events([(event, json.dumps(example_of(event)))])
    assert name == event
    assert json.loads(text) == example_of(event)


def damaged(event):
    """(what was done, the member, the event): each member missing, null or of another type, each number out of range."""
    good = example_of(event)
    properties = event_schemas.schema_of(event)["properties"]
    for member in event_schemas.schema_of(event)["required"]:
        yield "missing", member, {name: value for name, value in good.items() if name != member}
        for value in (None, True, [], {}, 1.5, "?"):
            yield f"{value!r}", member, {**good, member: value}
    for member, property in properties.items():
        if "maximum" in property:
            yield "too small", member, {**good, member: property["minimum"] - 1}
            yield "too large", member, {**good, member: property["maximum"] * 2 + 1}
    yield "empty", "session_id", {**good, "session_id": ""}
    yield "long", "session_id", {**good, "session_id": "s" * 129}


@pytest.mark.parametrize("event", EVENTS)
def test_reader_and_schema_agree_on_what_is_wrong(event):
    cases = [(done, member, body) for done, member, body in damaged(event)]
    answers = event_schemas.read_events([(event, json.dumps(body)) for _, _, body in cases])
    wrong = []
    refused = 0
    for (done, member, body), (name, rest) in zip(cases, answers, strict=True):
        refused += name == "error"
        # Beyond 2^63 a number is no number for the reader.
        says_where = rest.endswith(f"\t{member}") or (done == "too large" and rest.startswith("VIVA_EJSON"))
        if name == "error" and (event_schemas.is_valid(event, body) or not says_where):
            wrong.append(f"{member} {done}: refused with {rest!r}")
        if name != "error" and not event_schemas.is_valid(event, body) and not go_writes(event, member, body):
            wrong.append(f"{member} {done}: was read")
    assert wrong == []
    assert refused > len(cases) // 2


def go_writes(event, member, body):
    """What readers take beyond the schema: what Go writes for nil, and metadata that says less."""
    return (event, member) in (("FrameCaptured", "image_data"), ("EmotionAnalyzed", "metadata")) and body.get(member) in (
        None,
        {},
    )


# ---- AsyncAPI


@pytest.fixture(scope="module")
def document():
    return event_schemas.asyncapi()


@pytest.fixture(scope="module")
def resolved(document):
    """Without references; that there is one proves that each leads somewhere."""
    return event_schemas.with_references_resolved(document)


def test_the_asyncapi_document_is_of_version_3_and_complete(document):
    assert document["asyncapi"] == "3.0.0"
    assert {"info", "servers", "channels", "operations", "components"} <= set(document)


def test_each_operation_names_a_channel_and_messages_of_it(document, resolved):
    for name, operation in document["operations"].items():
        channel = operation["channel"]["$ref"]
        assert channel.startswith("#/channels/"), name
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"{channel}/messages/"), name
        assert resolved["operations"][name]["action"] in ("send", "receive")
    used = {operation["channel"]["$ref"].rpartition("/")[2] for operation in document["operations"].values()}
    assert used == set(document["channels"])


def test_each_example_is_valid(resolved):
    count = 0
    for name, message in resolved["components"]["messages"].items():
        for example in message["examples"]:
            if "payload" in message:
                jsonschema.Draft202012Validator(message["payload"]["schema"]).validate(example["payload"])
            if "headers" in example:
                jsonschema.Draft202012Validator(message["headers"]).validate(example["headers"])
            count += 1
        if "payload" in message:
            assert message["bindings"]["amqp"]["messageType"] == message["name"] == message["payload"]["schema"]["title"]
    assert count >= len(event_schemas.FILES)


def test_the_document_has_the_topology_of_the_sources(resolved):
    source = (viva_platform.ROOT / "src" / "bus" / "topology.c").read_text()
    keys = dict(re.findall(r'#define (VIVA_KEY_\w+) "([\w.]+)"', (viva_platform.ROOT / "src/bus/topology.h").read_text()))
    rows = re.findall(r'\[VIVA_QUEUE_\w+\] = \{"([\w.]+)", (\w+), (true|false), (true|false)\}', source)
    assert len(rows) >= 8
    queues, ordered, routing_keys = set(), set(), set(re.findall(r'KEYS_WITHOUT_QUEUE\[.*\] = \{(\w+)\}', source))
    assert len(routing_keys) == 1
    routing_keys = {keys[key] for key in routing_keys}
    for queue, key, is_partitioned, keeps_order in rows:
        queues.add(queue + (".{partition}" if is_partitioned == "true" else ""))
        routing_keys.add(keys[key])
        if keeps_order == "true":
            ordered.add(queue + (".{partition}" if is_partitioned == "true" else ""))
    told_queues, told_ordered, told_keys = set(), set(), set()
    for channel in resolved["channels"].values():
        binding = channel["bindings"]["amqp"]
        if binding["is"] == "routingKey":
            told_keys.add(channel["address"])
            assert binding["exchange"]["name"] == "interview.events"
            continue
        names = [channel["address"]]
        for parameter, described in channel.get("parameters", {}).items():
            if "enum" in described:
                names = [names[0].replace("{%s}" % parameter, value) for value in described["enum"]]
        told_queues.update(names)
        if channel["x-arguments"].get("x-single-active-consumer"):
            told_ordered.update(names)
        assert binding["queue"]["name"] == channel["address"]
    assert told_queues == queues | {"dead.letters"}
    assert told_ordered == ordered
    assert told_keys == routing_keys
