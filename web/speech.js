// SPDX-License-Identifier: Apache-2.0
//
// Spoken answers, where the browser can write down what is said. Nothing listens before the candidate asks for it.

const Recognition = globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition;

export const canListen = Boolean(Recognition);

const LANGUAGE = 'en-US';
const MAX_SEGMENTS = 5000;
const LAST_WORDS_MS = 1500;  // for what was said last to be written down

// Whether the browser can do it on this device, so that no sound leaves it. Few can.
export async function listensLocally() {
	try {
		return await Recognition.available({langs: [LANGUAGE], processLocally: true}) === 'available';
	} catch {
		return false;
	}
}

// What the platform compares segments and transcript by: all but case, spaces and ASCII punctuation.
function essence(text) {
	return text.toLowerCase().replace(/[\s!-/:-@[-`{-~]/g, '');
}

export class Speech extends EventTarget {
	// Events: "words" (detail: the words to add), "guess" (detail: what is being said, not sure yet), "state"
	// (detail: isListening), "problem" (detail: a word of text.speech.problems).
	constructor(kept) {
		super();
		this.isLocal = false;  // set before start()
		this.segments = kept?.segments ?? [];
		this.confidences = kept?.confidences ?? [];
		this.spokenMs = kept?.spokenMs ?? 0;  // of earlier listening to this answer
		this.recognition = null;
		this.isListening = false;
	}

	// What a reload must not lose.
	get kept() {
		return {segments: this.segments, confidences: this.confidences, spokenMs: this.spokenMs};
	}

	start() {
		if (this.isListening)
			return;
		this.isListening = true;
		this.began = performance.now();
		this.listen();
		this.tell('state', true);
	}

	stop() {
		if (!this.isListening)
			return;
		this.isListening = false;
		this.spokenMs += performance.now() - this.began;
		this.recognition?.stop();  // what was said last still comes
		this.tell('guess', '');
		this.tell('state', false);
	}

	// Stops, and waits until what was said last is written down.
	async finish() {
		if (!this.isListening)
			return;
		const {recognition} = this;
		const ended = new Promise((resolve) => {
			recognition.addEventListener('end', resolve, {once: true});
			setTimeout(resolve, LAST_WORDS_MS);
		});
		this.stop();
		await ended;
	}

	tell(type, detail) {
		this.dispatchEvent(new CustomEvent(type, {detail}));
	}

	seconds() {
		const running = this.isListening ? performance.now() - this.began : 0;
		return (this.spokenMs + running) / 1000;
	}

	listen() {
		const recognition = new Recognition();
		recognition.lang = LANGUAGE;
		recognition.continuous = true;
		recognition.interimResults = true;
		if (this.isLocal)
			recognition.processLocally = true;
		const starts = [];  // of the utterances, when their first guess came
		recognition.addEventListener('result', (event) => this.take(event, starts));
		recognition.addEventListener('error', (event) => {
			const problem = {'not-allowed': 'refused', 'service-not-allowed': 'refused', 'audio-capture': 'missing',
				network: 'network', 'language-not-supported': 'language'}[event.error];
			if (!problem)
				return;  // silence, or an end that was asked for
			this.stop();
			this.tell('problem', problem);
		});
		// Browsers end by themselves after a while.
		recognition.addEventListener('end', () => {
			if (this.isListening && recognition === this.recognition)
				setTimeout(() => this.isListening && recognition === this.recognition && this.listen(), 200);
		});
		this.recognition = recognition;
		try {
			recognition.start();
		} catch {
			this.stop();
			this.tell('problem', 'busy');
		}
	}

	take(event, starts) {
		let guess = '';
		for (let index = event.resultIndex; index < event.results.length; index++) {
			const result = event.results[index];
			const words = result[0].transcript.trim();
			starts[index] ??= this.seconds();
			if (!result.isFinal) {
				guess += ` ${words}`;
			} else if (words) {
				const last = this.segments.at(-1);
				const start = Math.max(starts[index], last?.end ?? 0);
				this.segments.push({start, end: Math.max(start, this.seconds()), text: words});
				// Some browsers say 0 for "I don't tell".
				if (result[0].confidence > 0)
					this.confidences.push({confidence: result[0].confidence, size: words.length});
				this.tell('words', words);
			}
		}
		this.tell('guess', guess.trim());
	}

	// The members of an answer that tell of speech. A text that was written or changed by hand isn't the recogniser's
	// any more: its pace and its sureness say nothing about it, and 0 stands for a duration that is unknown.
	members(transcript) {
		const spoken = this.segments.map((segment) => segment.text).join(' ');
		if (!this.segments.length || essence(spoken) !== essence(transcript))
			return {duration: 0};
		const round = (seconds) => Math.round(seconds * 1000) / 1000;
		const members = {language: 'en', duration: round(Math.max(this.seconds(), this.segments.at(-1).end))};
		if (this.segments.length <= MAX_SEGMENTS)
			members.segments = this.segments.map(({start, end, text}) => ({start: round(start), end: round(end), text}));
		const size = this.confidences.reduce((sum, one) => sum + one.size, 0);
		if (size > 0)
			members.confidence = this.confidences.reduce((sum, one) => sum + one.confidence * one.size, 0) / size;
		return members;
	}
}
