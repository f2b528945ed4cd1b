// SPDX-License-Identifier: Apache-2.0
//
// A question and its answer: typed, or spoken where the browser can write it down.

import {analysisOf} from './analysis.js';
import {ask, make, show, tell} from './dom.js';
import {canListen, listensLocally, Speech} from './speech.js';
import {clock, text, wordFor} from './strings.js';

const words = text.question;
const MAX_CHARACTERS = 50000;
const WARN_MINUTES = 10;

function countWords(answer) {
	return answer.trim() ? answer.trim().split(/\s+/).length : 0;
}

export function dots(answered, total) {
	return make('div', {class: 'dots', role: 'img', 'aria-label': words.progress(answered, total)},
		Array.from({length: total}, (_, index) =>
			make('span', {class: index < answered ? 'done' : index === answered ? 'now' : ''})));
}

export class QuestionScreen {
	// `memory` keeps drafts; `send(question, answer, members)` resolves to {analysis, isLast, note} or throws;
	// `onNext()` is called when the candidate goes on; `aside`: what stands beside the question, or null.
	constructor({interview, question, number, memory, api, aside, send, onNext}) {
		Object.assign(this, {interview, question, number, memory, api, aside, send, onNext});
		this.draftKey = `draft.${question.id}`;
		const draft = memory.get(this.draftKey, {});
		this.since = draft.since ?? Date.now();
		this.isSending = false;
		this.speech = canListen ? new Speech(draft.speech) : null;
		this.build(draft.answer ?? '');
		this.timer = setInterval(() => this.tick(), 1000);
		this.keep();
		this.tick();
	}

	build(answer) {
		const total = this.interview.total_questions;
		this.time = make('span', {class: 'time'});
		this.left = make('p', {class: 'note', hidden: true});
		this.box = make('textarea', {
			id: 'answer', rows: 9, maxlength: MAX_CHARACTERS, placeholder: words.placeholder, spellcheck: 'true', lang: 'en',
			'aria-describedby': 'answer-count',
			on: {
				input: () => this.keep(),
				keydown: (event) => {
					if (event.key === 'Enter' && (event.ctrlKey || event.metaKey))
						this.submit();
				},
			},
		});
		this.box.value = answer;
		this.count = make('span', {id: 'answer-count'});
		this.guess = make('p', {class: 'guess', hidden: true});
		this.problem = make('p', {class: 'problem', role: 'alert', hidden: true});
		this.sendButton = make('button', {class: 'primary', type: 'submit'}, words.send);
		this.skipButton = make('button', {class: 'quiet', type: 'button', on: {click: () => this.skip()}}, words.skip);
		this.speechButton = this.speech && make('button', {class: 'quiet speak', type: 'button', 'aria-pressed': 'false',
			on: {click: () => this.toggleSpeech()}}, text.speech.start);
		const form = make('form', {class: 'answer', on: {submit: (event) => { event.preventDefault(); this.submit(); }}},
			make('div', {class: 'answer-head'}, make('label', {for: 'answer'}, words.label), this.speechButton),
			this.box,
			this.guess,
			make('div', {class: 'answer-foot'}, this.count, this.time),
			this.problem,
			make('div', {class: 'actions'}, this.sendButton, this.skipButton, make('span', {class: 'hint keys'}, words.sendHint)));
		this.body = make('div', {class: 'question-body'}, form, this.left);
		this.progress = make('div', {class: 'progress'}, dots(this.interview.answers.length, total));
		const category = wordFor(words.categories, this.question.category, this.question.category);
		const title = words.number(this.number, total);
		show(title, make('div', {class: this.aside ? 'columns' : 'column'},
			make('div', {class: 'question'},
				this.progress,
				make('p', {class: 'kicker'}, title, make('span', {class: 'tag'}, category)),
				make('h1', {class: 'question-text'}, this.question.text),
				this.body),
			this.aside));
		if (this.speech)
			this.followSpeech();
	}

	end() {
		clearInterval(this.timer);
		this.speech?.stop();
		this.isOver = true;
	}

	keep() {
		this.count.textContent = words.words(countWords(this.box.value));
		this.memory.set(this.draftKey, {answer: this.box.value, since: this.since, speech: this.speech?.kept});
		this.problem.hidden = true;
	}

	tick() {
		this.time.textContent = words.time(clock((Date.now() - this.since) / 1000));
		const minutes = Math.ceil((Date.parse(this.interview.expires_at) - this.api.now()) / 60000);
		const isNear = minutes <= WARN_MINUTES && minutes >= 0;
		const sentence = isNear ? words.left(minutes) : '';
		if (sentence && this.left.textContent !== sentence)
			tell(sentence);
		this.left.textContent = sentence;
		this.left.hidden = !isNear;
	}

	// `name`: "problem", or "note" for what will pass.
	fail(sentence, name = 'problem') {
		this.problem.className = name;
		this.problem.textContent = sentence;
		this.problem.hidden = false;
	}

	followSpeech() {
		const {speech} = this;
		speech.addEventListener('words', ({detail}) => {
			if (this.isOver || this.isSending)
				return;
			const before = this.box.value.trimEnd();
			this.box.value = before ? `${before} ${detail}` : detail;
			this.keep();
		});
		speech.addEventListener('guess', ({detail}) => {
			this.guess.textContent = detail || text.speech.listening;
			this.guess.hidden = !speech.isListening;
		});
		speech.addEventListener('state', ({detail: isListening}) => {
			this.speechButton.textContent = isListening ? text.speech.stop : text.speech.start;
			this.speechButton.setAttribute('aria-pressed', String(isListening));
			this.guess.textContent = text.speech.listening;
			this.guess.hidden = !isListening;
			this.keep();
		});
		speech.addEventListener('problem', ({detail}) => this.fail(text.speech.problems[detail]));
	}

	async toggleSpeech() {
		if (this.speech.isListening) {
			this.speech.stop();
			return;
		}
		this.speech.isLocal = await listensLocally();
		// Leave for one is no leave for the other.
		const leave = this.speech.isLocal ? 'mayListenHere' : 'mayListen';
		if (!this.memory.get(leave)) {
			const {title, notice, noticeLocal, yes, no} = text.speech;
			if (!await ask(title, this.speech.isLocal ? noticeLocal : notice, yes, no))
				return;
			this.memory.set(leave, true);
		}
		// Meanwhile the question may have been answered in another window.
		if (!this.isOver && !this.isSending)
			this.speech.start();
	}

	async submit() {
		if (this.isSending)
			return;
		await this.speech?.finish();
		if (!this.box.value.trim()) {
			this.fail(words.empty);
			this.box.focus();
			return;
		}
		this.deliver(this.box.value.trim());
	}

	async skip() {
		if (!this.isSending && await ask(words.skipTitle, words.skipText, words.skipYes, words.skipNo))
			this.deliver('');
	}

	setSending(isSending) {
		this.isSending = isSending;
		this.sendButton.textContent = isSending ? words.sending : words.send;
		for (const button of [this.sendButton, this.skipButton, this.speechButton])
			if (button)
				button.disabled = isSending;
		this.box.readOnly = isSending;
	}

	async deliver(answer) {
		if (this.isSending || this.isOver)
			return;
		this.speech?.stop();
		this.setSending(true);
		this.problem.hidden = true;
		let outcome;
		try {
			const members = this.speech && answer ? this.speech.members(answer) : {duration: 0};
			outcome = await this.send(this.question, answer, members, () => this.fail(words.waiting, 'note'));
		} catch (error) {
			this.setSending(false);
			this.fail(words.refused(error.message));
			return;
		}
		this.isSending = false;
		this.end();
		this.memory.set(this.draftKey, null);
		if (outcome.note)
			tell(outcome.note, true);
		if (this.interview.mode === 'practice' && !outcome.note)
			this.showAnalysis(answer, outcome);
		else
			this.onNext();
	}

	showAnalysis(answer, {analysis, isLast}) {
		const next = make('button', {class: 'primary', on: {click: () => this.onNext()}},
			isLast ? text.analysis.toResult : text.analysis.next);
		const heading = make('h2', {tabindex: '-1'}, text.analysis.title);
		this.progress.replaceChildren(dots(this.number, this.interview.total_questions));
		this.body.replaceChildren(
			make('details', {class: 'given'}, make('summary', null, text.analysis.yours),
				make('p', {class: 'words'}, answer || text.analysis.skipped)),
			make('section', {class: 'card'}, heading, analysisOf(analysis)),
			make('div', {class: 'actions'}, next));
		heading.focus();
		tell(words.sent);
	}
}
