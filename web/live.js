// SPDX-License-Identifier: Apache-2.0
//
// The interview's WebSocket. It connects again by itself; the server then says where the interview stands.

import {pause, pauseMs} from './api.js';

const PING_MS = 15000;
const DEAD_MS = 40000;     // of silence: then the connection is dead, even if the browser doesn't know
const SETTLED_MS = 5000;   // a connection that lasted so long was a good one

export class Live extends EventTarget {
	// Events: "message" (detail: {type, data}), "state" (detail: isOpen), "doubt" when connecting fails again and again.
	constructor(id, token) {
		super();
		const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
		this.url = `${scheme}//${location.host}/ws/interviews/${encodeURIComponent(id)}`;
		this.protocols = token ? [`viva.token.${token}`] : [];
		this.socket = null;
		this.isWanted = false;
		this.heardAt = 0;
	}

	get isOpen() {
		return this.socket?.readyState === WebSocket.OPEN;
	}

	get bufferedBytes() {
		return this.socket?.bufferedAmount ?? 0;
	}

	open() {
		if (this.isWanted)
			return;
		this.isWanted = true;
		this.keepConnected();
		this.timer = setInterval(() => this.watch(), PING_MS / 3);
	}

	close() {
		this.isWanted = false;
		clearInterval(this.timer);
		this.socket?.close(1000);
	}

	send(type, data) {
		if (this.isOpen)
			this.socket.send(JSON.stringify({type, data}));
	}

	async keepConnected() {
		for (let attempt = 0; this.isWanted;) {
			const began = performance.now();
			await this.connection();
			if (!this.isWanted)
				break;
			attempt = performance.now() - began > SETTLED_MS ? 0 : attempt + 1;
			if (attempt >= 2)
				this.dispatchEvent(new Event('doubt'));
			await pause(pauseMs(attempt));
		}
	}

	// One connection, from its begin to its end.
	connection() {
		return new Promise((resolve) => {
			const socket = new WebSocket(this.url, this.protocols);
			this.socket = socket;
			this.heardAt = performance.now();
			socket.addEventListener('open', () => this.tellState(true));
			socket.addEventListener('message', (event) => this.take(event.data));
			socket.addEventListener('close', () => {
				this.tellState(false);
				resolve();
			});
		});
	}

	tellState(isOpen) {
		this.dispatchEvent(new CustomEvent('state', {detail: isOpen}));
	}

	take(message) {
		this.heardAt = performance.now();
		let parsed;
		try {
			parsed = JSON.parse(message);
		} catch {
			return;
		}
		if (typeof parsed?.type === 'string' && parsed.data && typeof parsed.data === 'object')
			this.dispatchEvent(new CustomEvent('message', {detail: parsed}));
	}

	watch() {
		const silence = performance.now() - this.heardAt;
		if (this.isOpen && silence > DEAD_MS)
			this.socket.close(4000);
		else if (this.isOpen && silence > PING_MS)
			this.send('ping', {});
	}
}
