// SPDX-License-Identifier: Apache-2.0
//
// REST, on the server that the page comes from.

import {text} from './strings.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15000;
const CALL_LIMIT_MS = 60000;  // longer than the platform works on a call

export class ApiError extends Error {
	constructor(status, body) {
		super(body.error || text.error.unknown);
		this.status = status;  // 0: no answer came
		this.code = body.code ?? '';
		this.field = body.field ?? '';
	}

	// Whether the same call may succeed a little later.
	get mayPass() {
		return [0, 408, 429, 502, 503, 504].includes(this.status) || this.code === 'CONFLICT';
	}

	// Whether the interview isn't there for the holder of this token: erased, or never was.
	get isGone() {
		return [401, 403, 404].includes(this.status);
	}
}

export function pauseMs(attempt) {
	const pause = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
	return pause / 2 + Math.random() * pause / 2;
}

// A pause that ends sooner when the browser says that the network is back.
export function pause(milliseconds) {
	return new Promise((resolve) => {
		const done = () => {
			clearTimeout(timer);
			removeEventListener('online', done);
			resolve();
		};
		const timer = setTimeout(done, milliseconds);
		addEventListener('online', done);
	});
}

export class Api {
	// `credential`: a token or an API key; '' = none.
	constructor(credential) {
		this.credential = credential;
		this.serverOffsetMs = null;  // the server's time minus performance.now(), at least; null = not known
	}

	async fetch(method, path, {body, headers} = {}) {
		const all = {...headers};
		if (this.credential)
			all.Authorization = `Bearer ${this.credential}`;
		if (body !== undefined)
			all['Content-Type'] = 'application/json';
		const limit = new AbortController();
		const timer = setTimeout(() => limit.abort(), CALL_LIMIT_MS);
		let response;
		try {
			response = await fetch(path, {
				method, headers: all, body: body === undefined ? undefined : JSON.stringify(body),
				cache: 'no-store', credentials: 'omit', redirect: 'error', signal: limit.signal,
			});
		} catch {
			throw new ApiError(0, {error: text.error.offline});
		} finally {
			clearTimeout(timer);
		}
		this.noteTime(Date.parse(response.headers.get('date') ?? ''));
		if (!response.ok)
			throw new ApiError(response.status, await response.json().catch(() => ({})));
		return response;
	}

	async call(method, path, more) {
		const response = await this.fetch(method, path, more);
		if (response.status === 204)
			return null;
		return response.json().catch(() => { throw new ApiError(0, {error: text.error.offline}); });
	}

	// As call(), again and again while it may succeed later. Only for what may be sent twice. `onWait(error)` is told of
	// each pause; when `isWanted()` turns false, the last error is thrown.
	async patiently(method, path, more, onWait = () => {}, isWanted = () => true) {
		for (let attempt = 0; ; attempt++) {
			try {
				return await this.call(method, path, more);
			} catch (error) {
				if (!(error instanceof ApiError) || !error.mayPass || !isWanted())
					throw error;
				onWait(error);
				await pause(pauseMs(attempt));
			}
		}
	}

	// `Date` is cut to a second, and older by its way here: the server's time is that or later. The latest is the nearest,
	// and a time that never goes back keeps pictures in their order.
	noteTime(date) {
		if (date)
			this.serverOffsetMs = Math.max(this.serverOffsetMs ?? -Infinity, date - performance.now());
	}

	// The server's time, in Unix milliseconds.
	now() {
		return this.serverOffsetMs === null ? Date.now() : performance.now() + this.serverOffsetMs;
	}
}
