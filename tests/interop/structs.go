// SPDX-License-Identifier: Apache-2.0

package main

import "time"

// The events as the reference design has them, word for word.

// Frame Captured Event
type FrameCapturedEvent struct {
    SessionID   string    `json:"session_id"`
    Timestamp   time.Time `json:"timestamp"`
    ImageData   []byte    `json:"image_data"`
    Format      string    `json:"format"`
    FrameNumber int       `json:"frame_number"`
}

// Emotion Analyzed Event
type EmotionAnalyzedEvent struct {
    SessionID  string    `json:"session_id"`
    Timestamp  time.Time `json:"timestamp"`
    Emotion    string    `json:"emotion"`
    Confidence float64   `json:"confidence"`
    BlinkCount int       `json:"blink_count"`
    Metadata   map[string]interface{} `json:"metadata"`
}

// Interview Completed Event
type InterviewCompletedEvent struct {
    SessionID     string    `json:"session_id"`
    UserID        string    `json:"user_id"`
    CompletedAt   time.Time `json:"completed_at"`
    TotalDuration int       `json:"total_duration"`
    AnswerCount   int       `json:"answer_count"`
}

// Score Calculated Event
type ScoreCalculatedEvent struct {
    SessionID          string    `json:"session_id"`
    TechnicalScore     float64   `json:"technical_score"`
    CommunicationScore float64   `json:"communication_score"`
    EmotionScore       float64   `json:"emotion_score"`
    OverallScore       float64   `json:"overall_score"`
    CalculatedAt       time.Time `json:"calculated_at"`
}
