// SPDX-License-Identifier: Apache-2.0
#include "language/neutral.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

struct form {
	const char *word;
	const char *neutral;
};

// All in strcmp's order. Given names that are no common words: of the most frequent in many countries, and those that
// studies of discrimination used.
// clang-format off
static const char *const names[] = {
	"aaliyah", "aarav", "abdul", "abdullah", "abigail", "adam", "ahmad", "ahmed", "aisha", "akira", "alejandro",
	"alexander", "alexandra", "ali", "alice", "alicia", "alina", "allison", "amanda", "amelia", "amina", "amir",
	"amit", "amy", "ana", "anastasia", "andrea", "andreas", "andrew", "andrey", "angela", "anil", "anita", "anjali",
	"anna", "anne", "antonio", "anya", "arjun", "arthur", "ashley", "ayesha", "barbara", "beatriz", "benjamin",
	"bernd", "betty", "bianca", "bjorn", "brad", "brandon", "brenda", "brendan", "brian", "brittany", "bruno",
	"camila", "carlos", "carmen", "caroline", "carrie", "catherine", "cedric", "chad", "charles", "charlotte",
	"chen", "chinedu", "chloe", "christian", "christina", "christine", "christopher", "claire", "claudia", "connor",
	"craig", "cynthia", "daisuke", "daniel", "daniela", "danielle", "darnell", "darren", "david", "deborah",
	"deepak", "deepika", "deshawn", "diana", "diego", "dimitri", "dmitri", "donna", "dorothy", "dylan", "ebony",
	"eduardo", "edward", "elena", "elijah", "elizabeth", "ella", "ellen", "emeka", "emily", "emma", "eric", "erik",
	"ernesto", "esther", "ethan", "eugene", "evan", "fatima", "felipe", "fernando", "fiona", "francesca",
	"francisco", "gabriel", "gabriela", "geoffrey", "george", "giovanni", "giulia", "greg", "gregory", "guillermo",
	"gustavo", "hakim", "hana", "hannah", "hans", "harold", "harpreet", "harry", "hassan", "heather", "helen",
	"henry", "hiroshi", "hugo", "hussein", "ibrahim", "igor", "imani", "imran", "indira", "ines", "ingrid", "irina",
	"isaac", "isabel", "isabella", "ivan", "jackson", "jacob", "jamal", "james", "jamila", "jane", "janet",
	"jasmine", "jason", "javier", "jayden", "jeffrey", "jennifer", "jeremy", "jermaine", "jerome", "jessica",
	"joan", "joao", "johan", "john", "jonathan", "jorge", "jose", "joseph", "joshua", "juan", "juanita", "judith",
	"julia", "julian", "julie", "kareem", "karen", "karim", "karthik", "katarzyna", "katherine", "kathleen",
	"katie", "kavya", "keisha", "keith", "kelly", "kenji", "kenneth", "kevin", "khadija", "kiran", "kirsten",
	"krishna", "kristen", "kumar", "kwame", "kyle", "lakisha", "lakshmi", "lars", "latisha", "latonya", "latoya",
	"laura", "lauren", "laurie", "layla", "leila", "leroy", "liam", "linda", "lisa", "lorenzo", "louise", "lucas",
	"lucia", "luis", "luke", "madison", "mahmoud", "malik", "manuel", "marcus", "margaret", "maria", "mariam",
	"marie", "mario", "marta", "martin", "mary", "mateo", "matthew", "meera", "megan", "mehmet", "mei", "melissa",
	"michael", "michelle", "miguel", "mohamed", "mohammad", "mohammed", "monica", "muhammad", "nadia", "nancy",
	"naomi", "natalia", "natalie", "natasha", "nathan", "neha", "nguyen", "nicholas", "nicole", "niko", "noah",
	"noor", "olga", "oliver", "olivia", "omar", "oscar", "pablo", "pamela", "patricia", "patrick", "paul", "paula",
	"pavel", "pedro", "peter", "philip", "pierre", "pradeep", "priya", "rachel", "rafael", "rahul", "raj", "rajesh",
	"ramesh", "rania", "rasheed", "rashid", "raymond", "rebecca", "reza", "ricardo", "richard", "robert", "roberto",
	"rohan", "ronald", "ruth", "ryan", "sabrina", "salma", "samantha", "samira", "samuel", "sandra", "sanjay",
	"santiago", "sara", "sarah", "satoshi", "sean", "sebastian", "sergei", "shanice", "sharon", "sheila", "shreya",
	"simon", "siobhan", "sofia", "sophia", "sophie", "stacey", "stefan", "stephanie", "stephen", "steven", "sunita",
	"suresh", "susan", "svetlana", "tamika", "tanisha", "tanya", "tariq", "tatiana", "teresa", "thomas", "tiffany",
	"timothy", "tomasz", "tremayne", "trevon", "tyrone", "valentina", "vanessa", "veronica", "victor", "victoria",
	"vijay", "vikram", "vladimir", "wei", "wendy", "william", "xavier", "yasmin", "yolanda", "yuki", "yusuf",
	"zachary", "zainab", "zhang", "zoe",
};

// Before e, i or a an s that Americans write as z.
static const char *const roots_in_s[] = {
	"analys", "apologis", "authoris", "capitalis", "categoris", "centralis", "characteris", "containeris",
	"criticis", "customis", "decentralis", "digitis", "emphasis", "finalis", "generalis", "globalis", "harmonis",
	"immunis", "initialis", "localis", "maximis", "memoris", "minimis", "mobilis", "modernis", "monetis",
	"neutralis", "normalis", "optimis", "organis", "parallelis", "paralys", "penalis", "personalis", "prioritis",
	"randomis", "realis", "recognis", "reorganis", "revolutionis", "sanitis", "scrutinis", "serialis", "socialis",
	"specialis", "stabilis", "standardis", "summaris", "sympathis", "synchronis", "theoris", "tokenis", "utilis",
	"vectoris", "virtualis", "visualis",
};

// Americans write them with -or.
static const char *const words_in_our[] = {
	"armour", "behaviour", "colour", "endeavour", "favour", "flavour", "harbour", "honour", "humour", "labour",
	"neighbour", "rumour",
};

static const struct form spellings[] = {
	{"amongst", "among"},
	{"analogue", "analog"},
	{"calibre", "caliber"},
	{"cancelled", "canceled"},
	{"cancelling", "canceling"},
	{"catalogue", "catalog"},
	{"catalogues", "catalogs"},
	{"centre", "center"},
	{"centred", "centered"},
	{"centres", "centers"},
	{"cheque", "check"},
	{"defence", "defense"},
	{"dialogue", "dialog"},
	{"dialogues", "dialogs"},
	{"enrol", "enroll"},
	{"fibre", "fiber"},
	{"fulfil", "fulfill"},
	{"fulfilment", "fulfillment"},
	{"grey", "gray"},
	{"judgement", "judgment"},
	{"labelled", "labeled"},
	{"labelling", "labeling"},
	{"learnt", "learned"},
	{"licence", "license"},
	{"litre", "liter"},
	{"litres", "liters"},
	{"metre", "meter"},
	{"metres", "meters"},
	{"modelled", "modeled"},
	{"modelling", "modeling"},
	{"offence", "offense"},
	{"practise", "practice"},
	{"practised", "practiced"},
	{"programme", "program"},
	{"programmes", "programs"},
	{"signalled", "signaled"},
	{"signalling", "signaling"},
	{"skilful", "skillful"},
	{"theatre", "theater"},
	{"towards", "toward"},
	{"travelled", "traveled"},
	{"travelling", "traveling"},
	{"whilst", "while"},
};

static const struct form pronouns[] = {
	{"he", "they"}, {"he'd", "they'd"}, {"he'll", "they'll"}, {"he's", "they're"}, {"her", "their"}, {"hers", "theirs"},
	{"herself", "themselves"}, {"him", "their"}, {"himself", "themselves"}, {"his", "their"}, {"she", "they"},
	{"she'd", "they'd"}, {"she'll", "they'll"}, {"she's", "they're"}, {"them", "their"},
};
// clang-format on

static const char ANYONE[] = "alex";  // stands for every name

static int compare(const void *key, const void *entry)
{
	return strcmp(key, *(const char *const *)entry);
}

static const char *find(const struct form *forms, size_t count, const char *word)
{
	const struct form *form = bsearch(word, forms, count, sizeof *forms, compare);
	return form ? form->neutral : NULL;
}

static bool begins_with(const char *word, const char *root)
{
	return strncmp(word, root, strlen(root)) == 0;
}

const char *viva_neutral_spelling(const char *word, char room[VIVA_NEUTRAL_MAX_BYTES])
{
	size_t size = strlen(word);
	const char *known = find(spellings, VIVA_COUNT(spellings), word);
	if (known || size >= VIVA_NEUTRAL_MAX_BYTES || size < 5)
		return known ? known : word;
	for (size_t i = 0; i < VIVA_COUNT(words_in_our); i++) {
		size_t root = strlen(words_in_our[i]);
		if (begins_with(word, words_in_our[i])) {
			(void)snprintf(room, VIVA_NEUTRAL_MAX_BYTES, "%.*sr%s", (int)root - 2, word, word + root);
			return room;
		}
	}
	if (size > 4 && strcmp(word + size - 4, "ysis") == 0)
		return word;  // "analysis" is the same in both
	for (size_t i = 0; i < VIVA_COUNT(roots_in_s); i++) {
		size_t root = strlen(roots_in_s[i]);
		if (begins_with(word, roots_in_s[i]) && word[root] != '\0' && strchr("eia", word[root])) {
			memcpy(room, word, size + 1);
			room[root - 1] = 'z';
			return room;
		}
	}
	return word;
}

const char *viva_neutral_word(const char *word, char room[VIVA_NEUTRAL_MAX_BYTES])
{
	const char *pronoun = find(pronouns, VIVA_COUNT(pronouns), word);
	if (pronoun)
		return pronoun;
	if (bsearch(word, names, VIVA_COUNT(names), sizeof *names, compare))
		return ANYONE;
	return viva_neutral_spelling(word, room);
}
