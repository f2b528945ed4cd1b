// SPDX-License-Identifier: Apache-2.0

// The peer that viva-bench-bus-half is measured against: the same work by RabbitMQ's own Go client.
//
//	amqp_peer publish|consume URL MESSAGES BYTES WINDOW
//
// publish: durable messages with the same properties, mandatory, through the topic exchange, at most WINDOW of them
// unconfirmed. consume: a prefetch of WINDOW, one acknowledgement for each quarter of it. The last line is JSON.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	exchange   = "interview.events"
	routingKey = "emotion.analyzed"
	queue      = "scoring.emotions"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	check(err)
	return value
}

func message(body []byte, n int) amqp.Publishing {
	now := time.Now()
	return amqp.Publishing{
		ContentType:  "application/json",
		DeliveryMode: amqp.Persistent,
		MessageId:    fmt.Sprintf("0190a5d2-ac96-774b-bcce-%012d", n),
		Type:         "EmotionAnalyzed",
		Timestamp:    now,
		AppId:        "bench",
		Headers: amqp.Table{
			"traceparent":     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			"session_id":      "session",
			"timestamp_in_ms": now.UnixMilli(),
		},
		Body: body,
	}
}

func publish(channel *amqp.Channel, messages, bytes, window int) {
	check(channel.Confirm(false))
	returns := channel.NotifyReturn(make(chan amqp.Return, 1))
	go func() {
		for range returns {
			log.Fatal("a message was returned")
		}
	}()
	body := make([]byte, bytes)
	unconfirmed := make([]*amqp.DeferredConfirmation, 0, messages)
	for n := 0; n < messages; n++ {
		if n >= window && !unconfirmed[n-window].Wait() {
			log.Fatal("a message was refused")
		}
		confirmation, err := channel.PublishWithDeferredConfirmWithContext(context.Background(), exchange, routingKey,
			true, false, message(body, n))
		check(err)
		unconfirmed = append(unconfirmed, confirmation)
	}
	for _, confirmation := range unconfirmed {
		if !confirmation.Wait() {
			log.Fatal("a message was refused")
		}
	}
}

func consume(channel *amqp.Channel, messages, bytes, window int) {
	check(channel.Qos(window, 0, false))
	deliveries, err := channel.Consume(queue, "", false, false, false, false, nil)
	check(err)
	share := window / 4
	for n := 1; n <= messages; n++ {
		delivery := <-deliveries
		if len(delivery.Body) != bytes {
			log.Fatalf("a body of %d bytes", len(delivery.Body))
		}
		if n%share == 0 || n == messages {
			check(delivery.Ack(true))
		}
	}
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func main() {
	if len(os.Args) != 6 {
		log.Fatal("usage: amqp_peer publish|consume URL MESSAGES BYTES WINDOW")
	}
	work := map[string]func(*amqp.Channel, int, int, int){"publish": publish, "consume": consume}[os.Args[1]]
	messages, bytes, window := number(os.Args[3]), number(os.Args[4]), number(os.Args[5])
	connection, err := amqp.Dial(os.Args[2])
	check(err)
	channel, err := connection.Channel()
	check(err)
	began, cpu := time.Now(), cpuSeconds()
	work(channel, messages, bytes, window)
	seconds := time.Since(began).Seconds()
	fmt.Printf("{\"messages_per_s\": %.0f, \"cpu_us_per_message\": %.1f}\n", float64(messages)/seconds,
		(cpuSeconds()-cpu)*1e6/float64(messages))
	check(connection.Close())
}
