// SPDX-License-Identifier: Apache-2.0
#include "language/neutral.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "language/lexicon.h"

struct form {
	const char *word;
	const char *neutral;
};

// All in strcmp's order. Given names that are no common words: of the most frequent in many countries, and those that
// studies of discrimination used.
// clang-format off
static const char *const names[] = {
	"aaliyah", "aarav", "abdul", "abdullah", "abebe", "abigail", "abimbola", "adaeze", "adam", "adebayo", "adeola",
	"adesh", "aditya", "adriana", "agata", "agnieszka", "ahmad", "ahmed", "aidan", "aiko", "aisha", "aisling",
	"akash", "akira", "akosua", "alejandra", "alejandro", "aleksandra", "alessandro", "alexander", "alexandra",
	"alexei", "ali", "alice", "alicia", "alina", "alisha", "alistair", "allison", "amanda", "amara", "amari",
	"amelia", "amina", "aminata", "amir", "amit", "amrit", "amy", "ana", "anastasia", "andrea", "andreas", "andrei",
	"andrew", "andrey", "andrzej", "angela", "angelica", "anika", "anil", "anita", "anjali", "anna", "anne",
	"annika", "antoine", "antonio", "anusha", "anya", "arash", "arjun", "arnav", "artem", "arthur", "arturo",
	"aryan", "asha", "ashley", "ashok", "asif", "astrid", "ayesha", "ayumi", "azadeh", "babak", "babatunde",
	"bakari", "barbara", "bartosz", "beatriz", "benjamin", "bernd", "betty", "bhavna", "bianca", "bilal", "bjorn",
	"bogdan", "bongani", "boris", "brad", "brandon", "brenda", "brendan", "brian", "brigitte", "brittany", "bruno",
	"camila", "caoimhe", "carla", "carlos", "carmen", "caroline", "carrie", "catherine", "cedric", "chad",
	"chantal", "charles", "charlotte", "chen", "chiara", "chidi", "chinedu", "chioma", "chloe", "christian",
	"christina", "christine", "christopher", "claire", "claudia", "connor", "cormac", "craig", "cristina",
	"cynthia", "daiki", "daisuke", "daniel", "daniela", "danielle", "dariusz", "darnell", "darren", "david",
	"deborah", "deepak", "deepika", "deepti", "demetrius", "deshawn", "devonte", "diana", "diego", "dilip",
	"dimitri", "divya", "dmitri", "dominika", "donna", "dorothy", "dylan", "ebony", "eduardo", "edward",
	"ekaterina", "elena", "elif", "elijah", "elizabeth", "ella", "ellen", "emeka", "emily", "emma", "emre",
	"enrique", "ephraim", "eric", "erik", "ernesto", "esra", "esther", "ethan", "etienne", "eugene", "evan", "ewa",
	"faisal", "farah", "farhan", "fatima", "felipe", "felix", "femi", "feng", "fernanda", "fernando", "fiona",
	"florian", "francesca", "francisco", "francois", "funmi", "gabriel", "gabriela", "gaurav", "geeta", "geoffrey",
	"george", "gerardo", "giovanni", "giulia", "gopal", "greg", "gregory", "grzegorz", "guadalupe", "guillermo",
	"gulsen", "gustavo", "habib", "hakim", "hamza", "hana", "hannah", "hans", "harish", "harold", "harpreet",
	"harry", "haruki", "haruto", "hassan", "heather", "hector", "heinrich", "helen", "henrik", "henry", "hiroshi",
	"hugo", "hussein", "ibrahim", "ifeoma", "ignacio", "igor", "ikenna", "ilya", "imani", "imke", "imran", "indira",
	"ines", "ingrid", "irfan", "irina", "isaac", "isabel", "isabella", "ismail", "istvan", "itzel", "ivan", "iwona",
	"jackson", "jacob", "jakub", "jamal", "james", "jamila", "jane", "janet", "jaroslav", "jasmine", "jason",
	"javad", "javier", "jayden", "jeffrey", "jelena", "jennifer", "jeremy", "jermaine", "jerome", "jessica",
	"jiang", "jiho", "jing", "jingyi", "jiro", "joan", "joao", "joaquin", "johan", "johannes", "john", "jonathan",
	"jorge", "jorgen", "jose", "joseph", "joshua", "juan", "juanita", "judith", "julia", "julian", "julie", "jyoti",
	"kaito", "kamal", "kamala", "kamila", "kareem", "karen", "karim", "karthik", "kasia", "katarzyna", "kateryna",
	"katherine", "kathleen", "katie", "kavya", "kayode", "kazuo", "keisha", "keith", "kelly", "kenji", "kenneth",
	"kenta", "kevin", "khadija", "kiran", "kirsten", "kofi", "krishna", "kristen", "krzysztof", "kumar", "kunal",
	"kwabena", "kwame", "kyle", "lakisha", "lakshmi", "lars", "laszlo", "latisha", "latonya", "latoya", "latoyah",
	"laura", "lauren", "laurie", "layla", "leila", "leroy", "leszek", "leticia", "liam", "linda", "ling", "lisa",
	"liu", "lorenzo", "louise", "lucas", "lucia", "ludmila", "luis", "luisa", "lukas", "lukasz", "luke", "maciej",
	"madison", "magdalena", "mahesh", "mahmoud", "malgorzata", "malik", "manish", "manuel", "marcus", "marek",
	"margaret", "maria", "mariam", "mariana", "marie", "mario", "marisol", "marta", "martin", "mary", "maryam",
	"masood", "mateo", "matteo", "matthew", "mayumi", "meera", "megan", "mehdi", "mehmet", "mei", "melissa",
	"michael", "michelle", "miguel", "mihai", "minh", "minjun", "miriam", "mohamed", "mohammad", "mohammed",
	"mohan", "monica", "muhammad", "mustafa", "nadeem", "nadia", "nancy", "naomi", "nasser", "natalia", "natalie",
	"natasha", "nathan", "natsuki", "naveen", "neha", "nguyen", "nicholas", "nicole", "nikhil", "nikita", "niko",
	"nikolai", "nkechi", "nneka", "noah", "nomvula", "noor", "oksana", "olamide", "oleg", "olena", "olga", "oliver",
	"olivia", "oluwaseun", "oluwatobi", "omar", "omari", "ondrej", "orla", "oscar", "oyelaran", "pablo", "pamela",
	"parisa", "parvati", "patricia", "patrick", "paul", "paula", "pavel", "pawel", "pedro", "peter", "philip",
	"pierre", "piotr", "pooja", "pradeep", "prakash", "pranav", "prashant", "preeti", "priya", "qiang", "quentin",
	"rachel", "rafael", "raheem", "rahul", "raj", "rajesh", "rajiv", "ramesh", "rania", "rasheed", "rashid",
	"rashida", "rasmus", "ravi", "raymond", "rebecca", "rekha", "renata", "reza", "ricardo", "richard", "robert",
	"roberto", "rohan", "ronald", "rosa", "ruchi", "ruth", "ryan", "sabrina", "sachin", "sadia", "saeed", "sakura",
	"salma", "samantha", "samira", "samuel", "sandra", "sanjay", "santiago", "saoirse", "sara", "sarah", "satoshi",
	"sayed", "seamus", "sean", "sebastian", "selin", "sergei", "seung", "shanelle", "shanice", "sharon", "shauna",
	"sheila", "shirin", "shivani", "shreya", "siddharth", "sigrid", "simon", "sinead", "siobhan", "sipho", "sneha",
	"sofia", "sophia", "sophie", "soren", "srinivas", "stacey", "stanislav", "stefan", "stephanie", "stephen",
	"steven", "subramaniam", "sunita", "suresh", "susan", "sven", "svetlana", "swati", "tadashi", "takashi",
	"takumi", "tamar", "tamika", "tanisha", "tanvi", "tanya", "tapiwa", "taras", "tariq", "tatiana", "tendai",
	"teresa", "thabo", "thandiwe", "thiago", "thomas", "tiffany", "timothy", "tomas", "tomasz", "tomoko",
	"tremayne", "trevon", "tuan", "tunde", "tyrone", "uchenna", "ulrich", "usman", "vadim", "valentina", "vanessa",
	"varun", "venkatesh", "veronica", "victor", "victoria", "vijay", "vikram", "viktor", "viktoria", "vinay",
	"vishal", "vladimir", "wang", "wanjiru", "wei", "wendy", "william", "wojciech", "xavier", "xiaoli", "xiaoming",
	"xiulan", "yara", "yasmeen", "yasmin", "yetunde", "yevgeny", "yiannis", "ying", "yoko", "yolanda", "yosef",
	"yoshiko", "yousef", "yuan", "yuki", "yulia", "yusuf", "yuto", "yvonne", "zachary", "zahra", "zainab", "zanele",
	"zbigniew", "zeynep", "zhang", "zoe", "zofia", "zoltan", "zuzanna",
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

static const char *find(const struct form *forms, size_t count, const char *word)
{
	const struct form *form = viva_lexicon_find(word, forms, count, sizeof *forms);
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
	if (viva_lexicon_find(word, names, VIVA_COUNT(names), sizeof *names))
		return ANYONE;
	return viva_neutral_spelling(word, room);
}
