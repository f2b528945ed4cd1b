// SPDX-License-Identifier: Apache-2.0

// The events by Go's encoding/json, for tests of Viva's. A line is an event's name, a tab and text.
//
//	interop decode    reads events from stdin; for each prints its fields as Go has them, each in a form of this
//	                  program's own: times in Unix nanoseconds, bytes in hexadecimal
//	interop encode    prints events as Go writes them
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"
)

// What interop decode prints a value as.
func shown(value reflect.Value) interface{} {
	switch actual := value.Interface().(type) {
	case time.Time:
		return fmt.Sprintf("%d%09d", actual.Unix(), actual.Nanosecond())
	case []byte:
		return hex.EncodeToString(actual)
	case int:
		return fmt.Sprint(actual)
	default:
		return actual
	}
}

func fields(event interface{}) map[string]interface{} {
	found := map[string]interface{}{}
	structure := reflect.ValueOf(event).Elem()
	for i := 0; i < structure.NumField(); i++ {
		found[structure.Type().Field(i).Name] = shown(structure.Field(i))
	}
	return found
}

func emptyEvent(name string) interface{} {
	switch name {
	case "FrameCaptured":
		return &FrameCapturedEvent{}
	case "EmotionAnalyzed":
		return &EmotionAnalyzedEvent{}
	case "InterviewCompleted":
		return &InterviewCompletedEvent{}
	case "ScoreCalculated":
		return &ScoreCalculatedEvent{}
	}
	return nil
}

func decode() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), "\t")
		event := emptyEvent(name)
		if event == nil {
			continue // one of Viva's own
		}
		if err := json.Unmarshal([]byte(text), event); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		printed, err := json.Marshal(fields(event))
		if err != nil {
			return err
		}
		fmt.Printf("%s\t%s\n", name, printed)
	}
	return lines.Err()
}

func encode() error {
	moment := time.Date(2026, 11, 24, 3, 1, 16, 123456789, time.UTC)
	india := time.FixedZone("IST", 5*3600+1800)
	west := time.FixedZone("west", -(9*3600 + 1800))
	picture := make([]byte, 256)
	for i := range picture {
		picture[i] = byte(i)
	}
	events := []struct {
		name  string
		event interface{}
	}{
		{"FrameCaptured", FrameCapturedEvent{"s-1", moment, picture, "jpeg", 7}},
		{"FrameCaptured", FrameCapturedEvent{"<a>&b", moment.In(india), picture[:1], "png", 1 << 62}},
		{"FrameCaptured", FrameCapturedEvent{"empty", moment.Truncate(time.Second), []byte{}, "png", 0}},
		{"FrameCaptured", FrameCapturedEvent{"nil", moment.In(west), nil, "png", 0}},
		{"EmotionAnalyzed", EmotionAnalyzedEvent{"s-1", moment.Truncate(10 * time.Millisecond), "happy", 0.87, 4,
			map[string]interface{}{"frame_number": 7, "source": "queue", "latency_ms": 12.5, "note": "<&> \u2028 é 😀",
				"face": map[string]int{"x": 1, "y": 2, "width": 3, "height": 4}, "list": []interface{}{nil, true, 1e21}}}},
		{"EmotionAnalyzed", EmotionAnalyzedEvent{"s-1", moment, "", 1e-9, 0, nil}},
		{"EmotionAnalyzed", EmotionAnalyzedEvent{"s-1", moment, "", 1, 0, map[string]interface{}{}}},
		{"InterviewCompleted", InterviewCompletedEvent{"s-1", "José <b>&\u2028\u2029\t\"\\ 日本 😀", moment.In(india), 600, 5}},
		{"ScoreCalculated", ScoreCalculatedEvent{"s-1", 71.25, 100, 0, 1.0 / 3, moment}},
	}
	for _, each := range events {
		text, err := json.Marshal(each.event)
		if err != nil {
			return err
		}
		fmt.Printf("%s\t%s\n", each.name, text)
	}
	return nil
}

func main() {
	modes := map[string]func() error{"decode": decode, "encode": encode}
	mode := modes[strings.Join(os.Args[1:], " ")]
	if mode == nil {
		fmt.Fprintln(os.Stderr, "usage: interop decode|encode")
		os.Exit(2)
	}
	if err := mode(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
