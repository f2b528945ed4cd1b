// SPDX-License-Identifier: Apache-2.0
#include "language/structure.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"

enum { MAX_SENTENCE_BYTES = 800 };

// Phrases with spaces around; "*" stands for one word.
static const char *const situation[] = {
	" when i was ",    " when we ",        " at my last ",    " at my previous ", " at my current ",
	" in my last ",    " in my previous ", " in my current ", " in my first ",    " on my last ",
	" at my company ", " last year ",      " last month ",    " last summer ",    " years ago ",
	" months ago ",    " weeks ago ",      " a while ago ",   " there was a ",    " there was an ",
	" we had a ",      " i was working ",  " i worked as ",   " i used to work ", " at that time ",
	" at the time ",   " one day ",        " once i ",        " i once ",         " during my ",
	" back in ",       " at university ",  " at school ",     " my team was ",    " our team was ",
	" one of our ",    " one of my ",      " a customer ",    " a client ",       " a colleague ",
	" a patient ",     " in * i was ",     " when i worked ", " when i started ", " when i did ",
	" i once ",        " last week ",      " last spring ",   " last autumn ",    " last fall ",
	" last winter ",   " one time ",       " the other day ", " years before ",   " my first job ",
	" our company ",   " a year ago ",     " my colleague ",
};
static const char *const task[] = {
	" i had to ",          " we had to ",         " my task ",           " my job was ",      " my role was ",
	" i was responsible ", " my responsibility ", " i was asked ",       " we were asked ",   " the goal was ",
	" our goal was ",      " my goal was ",       " the aim was ",       " i needed to ",     " we needed to ",
	" the challenge was ", " the problem was ",   " i was supposed to ", " i was in charge ", " it was my * to ",
	" the deadline ",      " was assigned ",      " i wanted to ",       " we wanted to ",    " the task was ",
	" was expected to ",
};
static const char *const result[] = {
	" as a result ",    " in the end ",   " the result ",     " the outcome ",    " eventually ",
	" finally ",        " ended up ",     " since then ",     " from then on ",   " after that the ",
	" led to ",         " which meant ",  " i learned ",      " i learnt ",       " we learned ",
	" i have learned ", " percent ",      " fell from ",      " fell to ",        " fell by ",
	" rose to ",        " rose by ",      " went from ",      " went down ",      " went up ",
	" was able to ",    " were able to ", " was delivered ",  " we delivered ",   " was successful ",
	" worked out ",     " paid off ",     " saved us ",       " saved the ",      " today the ",
	" now the ",        " ever since ",   " no longer ",      " got the ",        " was happy ",
	" were happy ",     " thanked me ",   " within * weeks ", " within * days ",  " was resolved ",
	" was solved ",     " was promoted ", " on time ",        " back to normal ", " reduced * ",
	" improved by ",
};
static const char *const past[] = {
	"began",  "bought", "broke",   "brought", "built", "came",       "chose", "cut",    "did",   "drew",  "drove",
	"fought", "found",  "gave",    "got",     "held",  "kept",       "led",   "made",   "met",   "paid",  "put",
	"ran",    "read",   "said",    "sat",     "saw",   "sent",       "set",   "showed", "sold",  "spent", "spoke",
	"split",  "taught", "thought", "told",    "took",  "understood", "went",  "won",    "wrote",
};

const char *viva_story_part_text(enum viva_story_part part)
{
	static const char *const names[VIVA_STORY_PARTS] = {"situation", "task", "action", "result"};
	return names[part];
}

// Whether the phrase stands at `at`: the same words, "*" for any.
static bool matches(const char *at, const char *phrase)
{
	while (*phrase) {
		if (*phrase == '*') {
			at += strcspn(at, " ");
			phrase++;
		} else if (*at++ != *phrase++) {
			return false;
		}
	}
	return true;
}

static bool has_any(const char *sentence, const char *const *phrases, size_t count)
{
	for (const char *at = sentence; at && at[1] != '\0'; at = strchr(at + 1, ' ')) {
		for (size_t i = 0; i < count; i++) {
			if (matches(at, phrases[i]))
				return true;
		}
	}
	return false;
}

static bool is_past(const char *word)
{
	size_t size = strlen(word);
	if (size > 3 && strcmp(word + size - 2, "ed") == 0)
		return strcmp(word, "need") != 0 && strcmp(word, "used") != 0 && strcmp(word, "worked") != 0;
	for (size_t i = 0; i < VIVA_COUNT(past); i++) {
		if (strcmp(past[i], word) == 0)
			return true;
	}
	return false;
}

// "I asked", "we then wrote".
static bool has_action(const struct viva_text *text, const struct viva_sentence *sentence)
{
	size_t end = sentence->first_word + sentence->word_count;
	for (size_t i = sentence->first_word; i + 1 < end; i++) {
		const char *word = text->words[i].text;
		if (strcmp(word, "i") != 0 && strcmp(word, "we") != 0)
			continue;
		if (is_past(text->words[i + 1].text) || (i + 2 < end && is_past(text->words[i + 2].text)))
			return true;
	}
	return false;
}

static void spell(const struct viva_text *text, const struct viva_sentence *sentence, char out[MAX_SENTENCE_BYTES])
{
	size_t size = 0;
	out[size++] = ' ';
	for (size_t i = sentence->first_word; i < sentence->first_word + sentence->word_count; i++) {
		size_t length = strlen(text->words[i].text);
		if (size + length + 2 > MAX_SENTENCE_BYTES)
			break;
		memcpy(out + size, text->words[i].text, length);
		size += length;
		out[size++] = ' ';
	}
	out[size] = '\0';
}

void viva_story_find(const struct viva_text *text, size_t ret_sentences[VIVA_STORY_PARTS])
{
	for (size_t part = 0; part < VIVA_STORY_PARTS; part++)
		ret_sentences[part] = text->sentence_count;
	for (size_t i = text->sentence_count; i-- > 0;) {
		char words[MAX_SENTENCE_BYTES];
		const struct viva_sentence *sentence = &text->sentences[i];
		spell(text, sentence, words);
		if (has_any(words, situation, VIVA_COUNT(situation)))
			ret_sentences[VIVA_STORY_SITUATION] = i;
		if (has_any(words, task, VIVA_COUNT(task)))
			ret_sentences[VIVA_STORY_TASK] = i;
		if (has_action(text, sentence))
			ret_sentences[VIVA_STORY_ACTION] = i;
		if (has_any(words, result, VIVA_COUNT(result)))
			ret_sentences[VIVA_STORY_RESULT] = i;
	}
	for (size_t i = ret_sentences[VIVA_STORY_ACTION]; i < text->sentence_count; i++) {
		if (i != ret_sentences[VIVA_STORY_SITUATION] && i != ret_sentences[VIVA_STORY_RESULT] &&
		    has_action(text, &text->sentences[i])) {
			ret_sentences[VIVA_STORY_ACTION] = i;
			break;
		}
	}
}
