// SPDX-License-Identifier: Apache-2.0
//
// The candidate's own picture, and what is seen in it, on the device check and beside the questions.

import {make, tell} from './dom.js';
import {text, wordFor} from './strings.js';

const words = text.camera;
const HINT_SHOWN_MS = 6000;  // it comes again every five seconds while it lasts

export class View {
	// `camera`, `live` and `pictures` are the interview's. `onChoice(isOn)` is told when the candidate turns the camera on
	// or off.
	constructor({camera, live, pictures, onChoice}) {
		this.camera = camera;
		this.pictures = pictures;
		this.onChoice = onChoice;
		this.newest = 0;
		this.isHidden = false;
		this.mayToggle = true;
		this.onSeen = () => {};
		this.overlay = make('p', {class: 'view-hint', hidden: true});
		this.seen = make('p', {class: 'view-seen'});
		this.off = make('p', {class: 'view-off'}, words.off);
		camera.video.setAttribute('aria-label', words.label);
		this.stage = make('div', {class: 'view-stage'}, camera.video, this.off, this.overlay);
		this.toggle = make('button', {class: 'quiet small', type: 'button', on: {click: () => this.switch()}});
		this.hider = make('button', {class: 'quiet small', type: 'button', on: {click: () => this.hide(!this.isHidden)}});
		this.element = make('section', {class: 'view', 'aria-label': words.label}, this.stage, this.seen,
			make('div', {class: 'actions tight'}, this.toggle, this.hider));
		live.addEventListener('message', (event) => this.take(event.detail));
		camera.addEventListener('ended', () => {
			this.say(words.ended, true);
			this.refresh();
		});
		this.refresh();
	}

	// '' or the problem's word; the interview goes on in any case. The camera may have been declined meanwhile.
	async turnOn() {
		const problem = await this.camera.start();
		this.say(problem ? words.problems[problem] : '', Boolean(problem));
		if (this.camera.isOn)
			this.pictures.start();
		this.refresh();
		return problem;
	}

	turnOff() {
		this.camera.stop();
		this.pictures.stop();
		this.say('');
		this.refresh();
	}

	async switch() {
		if (this.camera.isOn)
			this.turnOff();
		else
			await this.turnOn();
		this.onChoice(this.camera.isOn);
	}

	hide(isHidden) {
		this.isHidden = isHidden;
		this.refresh();
	}

	refresh() {
		const {isOn} = this.camera;
		this.stage.classList.toggle('is-on', isOn && !this.isHidden);
		this.off.textContent = isOn ? words.hidden : words.off;
		this.off.hidden = isOn && !this.isHidden;
		this.camera.video.hidden = !isOn || this.isHidden;
		this.toggle.textContent = isOn ? words.turnOff : words.turnOn;
		this.toggle.hidden = !this.mayToggle;
		this.hider.textContent = this.isHidden ? words.unhide : words.hide;
		this.hider.hidden = !isOn;
		if (!isOn)
			this.hint('');
	}

	// A line that stays under the picture.
	say(sentence, isProblem = false) {
		this.seen.textContent = sentence;
		this.seen.classList.toggle('note', isProblem);
		if (sentence)
			tell(sentence);
	}

	// A line over the picture, for some seconds.
	hint(sentence) {
		clearTimeout(this.hintTimer);
		if (sentence && this.overlay.textContent !== sentence)
			tell(sentence);
		this.overlay.textContent = sentence;
		this.overlay.hidden = !sentence;
		if (sentence) {
			this.seen.textContent = '';
			this.hintTimer = setTimeout(() => this.hint(''), HINT_SHOWN_MS);
		}
	}

	take({type, data}) {
		if (!this.camera.isOn)
			return;
		if (type === 'emotion_update')
			this.update(data);
		else if (type === 'hint')
			this.hint(String(data.message ?? ''));
		else if (type === 'error')
			this.takeError(data.code);
	}

	update(data) {
		this.pictures.faster();
		// One that waited in a queue may come behind that of a later picture.
		if (data.timestamp < this.newest)
			return;
		this.newest = data.timestamp;
		if (!data.hint)
			this.hint('');
		const emotion = wordFor(words.emotions, data.emotion, '');
		if (emotion && this.overlay.hidden)
			this.seen.textContent = words.seen(emotion, Math.round((data.attention ?? 0) * 100));
		this.onSeen(!data.hint);
	}

	takeError(code) {
		if (code === 'FACE_NOT_DETECTED' || code === 'MULTIPLE_FACES') {
			this.hint(code === 'MULTIPLE_FACES' ? words.manyFaces : words.noFace);
			this.onSeen(false);
		} else if (code === 'EMOTION_NOT_ALLOWED') {
			this.turnOff();
			this.element.hidden = true;
		} else if (code === 'EMOTION_UNAVAILABLE' || code === 'RATE_LIMITED') {
			this.pictures.slower();
			if (code === 'EMOTION_UNAVAILABLE')
				this.seen.textContent = words.unavailable;
		}
	}
}
