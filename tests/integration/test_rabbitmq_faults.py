# SPDX-License-Identifier: Apache-2.0
"""The bus while RabbitMQ dies, hangs, blocks, or has its connections cut."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time

import pika
import pytest

import rabbitmq
from private_server import free_ports
import viva_bus_driver
import viva_tcp_proxy
from viva_platform import process_state, wait_until

KEY, QUEUE = "score.calculated", "worker.scores"
BLOCKED = "takes no messages now"


def make_certificates(directory):
    """A certificate authority, a server's certificate of localhost, a client's, and an authority nobody asked."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    for name in ("ca", "other-ca"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.pem")  # fmt: skip
    for name, names in (("server", "DNS:localhost,IP:127.0.0.1"), ("client", "DNS:client"), ("elsewhere", "DNS:elsewhere.example")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (directory / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", f"{name}.ext", "-out", f"{name}.pem")  # fmt: skip
    return directory


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def frail(certificates):
    """A RabbitMQ of these tests' own, to be hurt."""
    tls = [certificates / name for name in ("ca.pem", "server.pem", "server.key")]
    settings = ["ssl_options.verify = verify_peer", "ssl_options.fail_if_no_peer_cert = false"]
    try:
        running = rabbitmq.Broker(vhosts=24, tls=tls, settings=settings)
    except rabbitmq.Unavailable as reason:
        pytest.skip(str(reason))
    with running:
        yield running


@pytest.fixture(scope="module")
def frail_vhosts(frail):
    return iter(frail.vhosts[1:])


@pytest.fixture
def place(frail_vhosts):
    """A virtual host that no test used."""
    return next(frail_vhosts)


def confirmed(driver):
    """All numbers of the stream that are confirmed."""
    return set(range(driver.confirmed() + 1))


def numbers(got):
    return {int(one.text) for one in got}


def publish_when_possible(bus, text):
    end = time.monotonic() + 180
    while True:
        try:
            return bus.command("publish", KEY, "s", text, 0, 60_000)
        except viva_bus_driver.Failed:
            assert time.monotonic() < end, "it never became possible"
            time.sleep(0.1)


def block(frail, bus):
    """Has the broker take no more messages, and returns when the bus knows. The broker may tell only who publishes."""
    told = bus.log().count(BLOCKED)
    frail.control("set_vm_memory_high_watermark", "absolute", "1")

    def is_told():
        with contextlib.suppress(viva_bus_driver.Failed):
            bus.command("publish", KEY, "s", "nearly-too-late")
        return bus.log().count(BLOCKED) > told

    wait_until(is_told, "the bus knows that it is blocked")


def hang(frail):
    """Stops the broker, and returns when each of its threads stands still: until then one may confirm a message."""
    os.kill(frail.node.pid, signal.SIGSTOP)
    threads = pathlib.Path(f"/proc/{frail.node.pid}/task")

    def states():
        return {process_state(f"{frail.node.pid}/task/{thread.name}") for thread in threads.iterdir()}

    wait_until(lambda: states() == {"T"}, "the broker stands still")


def wait_for_all(consumer, wanted):
    consumer.wait(lambda: wanted <= numbers(consumer.got()), f"all {len(wanted)} messages")


def test_nothing_confirmed_is_lost_when_the_broker_is_killed(frail, place, make_bus):
    publisher, consumer = make_bus(frail.url(place)), make_bus(frail.url(place))
    consumer.command("consume", QUEUE, 50, "ack")
    publisher.command("stream", KEY)
    for _ in range(2):
        publisher.wait_for_confirmed(publisher.confirmed() + 300)
        frail.kill()
        frail.start()
    publisher.wait_for_confirmed(publisher.confirmed() + 300)
    publisher.command("end-stream")
    wait_for_all(consumer, confirmed(publisher))
    assert numbers(consumer.got()) == confirmed(publisher)
    assert "no connection to RabbitMQ" in publisher.log() and "connected to RabbitMQ" in publisher.log()


def test_nothing_is_lost_when_connections_are_cut_again_and_again(frail, place, make_bus):
    proxy = viva_tcp_proxy.Proxy(frail.port)
    url = frail.url(place).replace(f":{frail.port}/", f":{proxy.port}/")
    publisher, consumer = make_bus(url), make_bus(url)
    consumer.command("consume", QUEUE, 50, "ack")
    publisher.command("stream", KEY)
    for _ in range(8):
        publisher.wait_for_confirmed(publisher.confirmed() + 100)
        proxy.reset()
    publisher.wait_for_confirmed(publisher.confirmed() + 100)
    publisher.command("end-stream")
    wait_for_all(consumer, confirmed(publisher))
    publisher.quit()
    consumer.quit()
    assert proxy.accepted > 8
    proxy.close()


def test_verdicts_survive_cut_connections(frail, place, make_bus):
    proxy = viva_tcp_proxy.Proxy(frail.port)
    url = frail.url(place).replace(f":{frail.port}/", f":{proxy.port}/")
    publisher, consumer = make_bus(frail.url(place)), make_bus(url)
    publisher.command("stream", KEY)
    publisher.wait_for_confirmed(99)
    publisher.command("end-stream")
    wanted = confirmed(publisher)
    consumer.command("consume", QUEUE, 20, "retry")
    for round_number in range(1, 6):
        consumer.wait_for_got(60 * round_number)
        proxy.reset()
    # At least once: what was moved when the connection broke may be there twice, but nothing is missing, and each
    # letter has seen all its retries.
    wait_until(
        lambda: len({letter.message_id for letter in publisher.letters()}) == len(wanted), "a letter of each message"
    )
    consumer.quit()
    proxy.close()
    assert {letter.retries for letter in publisher.letters()} == {5}


def test_each_partition_keeps_its_order_over_a_restart_of_the_broker(frail, place, make_bus):
    publisher, consumer = make_bus(frail.url(place)), make_bus(frail.url(place))
    consumer.command("consume", "emotion.frames", 20, "ack")
    publisher.command("stream", "frame.accepted")
    publisher.wait_for_confirmed(500)
    frail.kill()
    frail.start()
    publisher.wait_for_confirmed(publisher.confirmed() + 500)
    publisher.command("end-stream")
    wait_for_all(consumer, confirmed(publisher))
    # Some come twice. When each is seen for the first time, all before it were.
    seen = set()
    for got in consumer.got():
        number = int(got.text)
        assert number in seen or number == len(seen)
        seen.add(number)


def test_a_blocked_broker_slows_publishers_and_then_refuses_them(frail, place, make_bus):
    bus = make_bus(frail.url(place))
    bus.command("publish", KEY, "s", "before")
    try:
        block(frail, bus)
        with pytest.raises(viva_bus_driver.Failed) as refusal:
            bus.command("publish", KEY, "s", "during")
        assert refusal.value.code == "VIVA_EOVERLOAD"
        with pytest.raises(viva_bus_driver.Failed) as refusal:
            bus.command("ping")
        assert refusal.value.code == "VIVA_EOVERLOAD"
        # Consuming goes on, or the broker would never be rid of its burden.
        bus.command("consume", QUEUE, 5, "ack")
        assert bus.wait_for_got(1)[0].text == "before"
        # What was published in vain is accepted again and again, without growing.
        for _ in range(3):
            with pytest.raises(viva_bus_driver.Failed):
                bus.command("publish", KEY, "s", "in-vain", 5_000_000)
    finally:
        frail.control("set_vm_memory_high_watermark", "absolute", "1GB")
    publish_when_possible(bus, "after")
    bus.wait(lambda: "after" in [got.text for got in bus.got()], "the message published afterwards")
    assert BLOCKED in bus.log() and "takes messages again" in bus.log()


def test_an_end_while_the_broker_is_blocked_does_not_hang(frail, place, make_bus):
    bus = make_bus(frail.url(place))
    bus.command("publish", KEY, "s", "before")
    bus.command("consume", QUEUE, 5, "hold")
    bus.wait_for_got(1)
    try:
        block(frail, bus)
        with pytest.raises(viva_bus_driver.Failed):
            bus.command("publish", KEY, "s", "during")
        other = make_bus(frail.url(place))
        other.quit()
    finally:
        frail.control("set_vm_memory_high_watermark", "absolute", "1GB")
    bus.kill()


def test_a_broker_that_hangs_is_given_up_by_its_heartbeat(frail, place, make_bus):
    # A slow machine may take more than these times, too: then it connects again.
    bus = make_bus(frail.url(place, query="?heartbeat=1&connection_timeout=1000"))
    publish_when_possible(bus, "before")
    hang(frail)
    try:
        with pytest.raises(viva_bus_driver.Failed) as failure:
            bus.command("publish", KEY, "s", "during", 0, 60_000)
        assert failure.value.code == "VIVA_EUNAVAILABLE"
    finally:
        os.kill(frail.node.pid, signal.SIGCONT)
    publish_when_possible(bus, "after")


def test_a_broker_that_reads_nothing_is_as_one_that_blocks(frail, place, make_bus):
    bus = make_bus(frail.url(place, query="?heartbeat=60"))
    bus.command("publish", KEY, "s", "before")
    hang(frail)
    try:
        # More than the sockets' buffers take. Whoever gives up takes its body back, even in the middle of it, at the cost
        # of the connection.
        with pytest.raises(viva_bus_driver.Failed) as failure:
            bus.command("publish", KEY, "s", "large", 15_000_000, 60_000)
        assert failure.value.code == "VIVA_EOVERLOAD"
        with pytest.raises(viva_bus_driver.Failed) as failure:
            bus.command("publish", KEY, "s", "large", 15_000_000, 1_000)
        assert failure.value.code in ("VIVA_EUNAVAILABLE", "VIVA_EOVERLOAD")
    finally:
        os.kill(frail.node.pid, signal.SIGCONT)
    publish_when_possible(bus, "after")
    bus.command("ping")


def test_the_bus_may_be_there_before_the_broker(frail, place, make_bus):
    frail.stop()
    try:
        bus = make_bus(frail.url(place))
        bus.command("consume", QUEUE, 5, "ack")
        with pytest.raises(viva_bus_driver.Failed) as failure:
            bus.command("publish", KEY, "s", "early", 0, 300)
        assert failure.value.code == "VIVA_EUNAVAILABLE"
        with pytest.raises(viva_bus_driver.Failed) as failure:
            bus.command("queues")
        assert failure.value.code == "VIVA_EUNAVAILABLE"
    finally:
        frail.start()
    publish_when_possible(bus, "late")
    bus.wait(lambda: "late" in [got.text for got in bus.got()], "the message published later")


def test_a_node_that_is_not_there_is_passed_over(frail, place, make_bus):
    (dead,) = free_ports(1)
    url = frail.url(place).replace(f"localhost:{frail.port}", f"127.0.0.1:{dead},localhost:{frail.port}")
    bus = make_bus(url)
    bus.command("publish", KEY, "s", "x", 0, 60_000)
    assert bus.queues()[QUEUE][0] == 1


def test_what_no_queue_takes_is_an_error_to_its_publisher_and_the_topology_heals(frail, place, make_bus):
    bus = make_bus(frail.url(place))
    bus.command("publish", KEY, "s", "one")
    with pika.BlockingConnection(pika.URLParameters(frail.url(place))) as connection:
        connection.channel().queue_delete(QUEUE)
    with pytest.raises(viva_bus_driver.Failed) as failure:
        bus.command("publish", KEY, "s", "two")
    assert failure.value.code == "VIVA_EUNAVAILABLE" and "no queue" in failure.value.sentence
    bus.command("publish", KEY, "s", "three", 0, 60_000)
    bus.command("consume", QUEUE, 5, "ack")
    assert [got.text for got in bus.wait_for_got(1)] == ["three"]


def test_a_consumer_whose_queue_was_deleted_consumes_the_new_one(frail, place, make_bus):
    bus = make_bus(frail.url(place))
    bus.command("consume", QUEUE, 5, "ack")
    bus.command("publish", KEY, "s", "one")
    bus.wait_for_got(1)
    with pika.BlockingConnection(pika.URLParameters(frail.url(place))) as connection:
        connection.channel().queue_delete(QUEUE)
    publish_when_possible(bus, "two")
    bus.wait(lambda: "two" in [got.text for got in bus.got()], "the message of the new queue")


def test_a_queue_of_another_kind_in_the_way_is_told(frail, place, make_bus):
    with pika.BlockingConnection(pika.URLParameters(frail.url(place))) as connection:
        connection.channel().queue_declare(QUEUE, durable=True)
    bus = make_bus(frail.url(place))
    with pytest.raises(viva_bus_driver.Failed) as failure:
        bus.command("ping")
    assert failure.value.code == "VIVA_EUNAVAILABLE"
    assert QUEUE in failure.value.sentence and "inequivalent arg" in failure.value.sentence


def test_a_wrong_password_is_not_repeated(frail, place, make_bus):
    bus = make_bus(frail.url(place).replace(rabbitmq.PASSWORD, "very-secret-word"))
    with pytest.raises(viva_bus_driver.Failed) as failure:
        bus.command("ping")
    assert failure.value.code == "VIVA_EUNAVAILABLE"
    wait_until(lambda: "no connection to RabbitMQ" in bus.log(), "it is logged")
    assert "very-secret-word" not in failure.value.sentence + bus.log()


# ---- TLS


def check_tls(frail, place, make_bus, query, host="localhost"):
    url = frail.url(place, "amqps", query).replace("localhost", host)
    bus = make_bus(url)
    bus.command("ping")
    bus.command("consume", QUEUE, 5, "ack")
    bus.command("publish", KEY, "s", "secret", 3_000_000)
    assert bus.wait_for_got(1)[0].size == 3_000_000


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_tls_with_an_authority_of_ones_own(frail, place, make_bus, certificates, host):
    check_tls(frail, place, make_bus, f"?cacertfile={certificates}/ca.pem", host)


def test_tls_with_a_certificate_of_the_client(frail, place, make_bus, certificates):
    client = f"&certfile={certificates}/client.pem&keyfile={certificates}/client.key"
    check_tls(frail, place, make_bus, f"?cacertfile={certificates}/ca.pem{client}")


def test_tls_without_verification_only_if_asked_for(frail, place, make_bus):
    check_tls(frail, place, make_bus, "?verify=verify_none")


@pytest.mark.parametrize("query", ["", "?cacertfile={}/other-ca.pem"])
def test_tls_refuses_a_server_that_nobody_it_trusts_vouches_for(frail, place, make_bus, certificates, query):
    bus = make_bus(frail.url(place, "amqps", query.format(certificates)))
    with pytest.raises(viva_bus_driver.Failed) as failure:
        bus.command("ping")
    assert failure.value.code == "VIVA_EUNAVAILABLE" and "SSL" in failure.value.sentence


def test_tls_refuses_a_server_of_another_name(frail, place, make_bus, certificates):
    # 127.0.0.2 is the same server, but its certificate does not name it; the relay makes it reachable there.
    proxy = viva_tcp_proxy.Proxy(frail.tls_port)
    url = frail.url(place, "amqps", f"?cacertfile={certificates}/ca.pem")
    bus = make_bus(url.replace(f"localhost:{frail.tls_port}", f"127.0.0.2:{proxy.port}"))
    with pytest.raises(viva_bus_driver.Failed) as failure:
        bus.command("ping")
    assert failure.value.code == "VIVA_EUNAVAILABLE"
    bus.quit()
    proxy.close()


def test_tls_says_which_file_it_cannot_read(frail, place, make_bus):
    bus = make_bus(frail.url(place, "amqps", "?cacertfile=/nowhere/ca.pem"))
    with pytest.raises(viva_bus_driver.Failed) as failure:
        bus.command("ping")
    assert "/nowhere/ca.pem" in failure.value.sentence
