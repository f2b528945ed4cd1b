// SPDX-License-Identifier: Apache-2.0
//
// What a tab remembers of its interview, so that a reload goes on: the token, drafts of answers, where the candidate
// was. It ends with the tab (sessionStorage), or when the data are erased.

export class Memory {
	constructor(id) {
		this.key = `viva.interview.${id}`;
		this.values = {};
		try {
			this.values = JSON.parse(sessionStorage.getItem(this.key)) ?? {};
		} catch {
			// Storage is forbidden, or holds something else: then this page remembers until it is closed.
		}
	}

	get(name, fallback = null) {
		return this.values[name] ?? fallback;
	}

	set(name, value) {
		this.values[name] = value;
		try {
			sessionStorage.setItem(this.key, JSON.stringify(this.values));
		} catch {
			// As above.
		}
	}

	forget() {
		this.values = {};
		try {
			sessionStorage.removeItem(this.key);
		} catch {
			// As above.
		}
	}
}

// The token of the address's fragment, which is taken out of the address and the tab's history at once (out of the
// browser's list of visited pages no page can take it); else the one that the tab remembers; else ''.
export function takeToken(memory) {
	const token = new URLSearchParams(location.hash.slice(1)).get('token');
	if (location.hash)
		history.replaceState(null, '', location.pathname);
	if (token && /^[A-Za-z0-9._-]{1,4096}$/.test(token))
		memory.set('token', token);
	return memory.get('token', '');
}
