// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/macros.h"
#include "language/lexicon.h"

// In strcmp's order. Verbs of reporting and doing, adjectives of judgement, nouns of the frame ("paper", "result"),
// numerals: they stand around what a text is about. Not among them: what is often part of a term ("data set", "high
// pressure").
// clang-format off
static const char *const light[] = {
	"able", "achieve", "achieved", "achieves", "achieving", "addition", "additional", "address", "addressed",
	"addresses", "addressing", "affect", "affected", "affects", "ago", "aim", "aimed", "aims", "allow", "allowed",
	"allowing", "allows", "already", "amongst", "amount", "amounts", "analyze", "analyzed", "analyzes", "appear",
	"appeared", "appears", "applied", "applies", "apply", "applying", "appropriate", "article", "aspect", "aspects",
	"associate", "associated", "assume", "assumed", "assumes", "attempt", "attempted", "attempts", "author",
	"authors", "available", "away", "back", "bad", "base", "based", "basis", "became", "become", "becomes",
	"becoming", "began", "begin", "begins", "begun", "best", "better", "beyond", "big", "bring", "brings",
	"brought", "build", "builds", "built", "calculate", "calculated", "call", "called", "calls", "came", "carried",
	"carries", "carry", "cases", "cause", "caused", "causes", "causing", "certain", "change", "changed", "changes",
	"chapter", "clear", "come", "comes", "coming", "common", "compare", "compared", "compares", "comparing",
	"complete", "compute", "computed", "conclusion", "confirm", "confirmed", "consider", "considered",
	"considering", "considers", "consist", "consisted", "consists", "construct", "constructed", "contain",
	"contained", "containing", "contains", "correspond", "corresponding", "corresponds", "create", "created",
	"creates", "creating", "current", "day", "days", "decrease", "decreased", "decreases", "decreasing", "define",
	"defined", "defines", "defining", "demonstrate", "demonstrated", "demonstrates", "demonstrating", "denote",
	"denoted", "depend", "depending", "depends", "derive", "derived", "derives", "deriving", "describe",
	"described", "describes", "describing", "designed", "designs", "determine", "determined", "determines",
	"determining", "develop", "developed", "developing", "develops", "different", "difficult", "discuss",
	"discussed", "discusses", "discussing", "due", "earlier", "early", "easier", "easy", "effective", "efficient",
	"eight", "employ", "employed", "employing", "employs", "enable", "enabled", "enables", "enabling", "enough",
	"entire", "especially", "essential", "estimate", "estimated", "evaluate", "evaluated", "every", "examine",
	"examined",
	"examines", "examining", "example", "examples", "exist", "existing", "exists", "expect", "expected", "expects",
	"explore", "explored", "explores", "exploring", "fact", "figure", "final", "finally", "find", "finding",
	"finds", "five", "focus", "focused", "focuses", "follow", "followed", "following", "follows", "found", "four",
	"further", "furthermore", "future", "generally", "get", "gets", "getting", "give", "given", "gives", "giving",
	"go", "goes", "going", "gone", "good", "got", "great", "happen", "happened", "happens", "hard", "help",
	"helped", "helping", "helps", "hence", "higher", "highest", "however", "hundred", "identified", "identifies",
	"identify", "identifying", "illustrate", "illustrated", "illustrates", "implement", "implemented", "implements",
	"important", "improve", "improved", "improves", "improving", "include", "included", "includes", "including",
	"increase", "increased", "increases", "increasing", "indicate", "indicated", "indicates", "initial", "instance",
	"instead", "interesting", "introduce", "introduced", "introduces", "introducing", "investigate", "investigated",
	"investigates", "investigating", "involve", "involved", "involves", "involving", "issue", "issues", "keep",
	"keeping", "keeps", "kept", "key", "kind", "kinds", "know", "known", "knows", "larger", "largest", "last",
	"late", "later", "lead", "leading", "leads", "least", "led", "less", "let", "lets", "little", "longer", "look",
	"looked", "looking", "looks", "lower", "lowest", "made", "main", "mainly", "major", "majority", "make", "makes",
	"making", "means", "measure", "measured", "minor", "moreover", "mostly", "move", "moved", "moves", "name",
	"named", "necessary", "need", "needed", "needs", "nevertheless", "new", "next", "nine", "note", "noted",
	"notes", "novel", "now", "number", "numbers", "numerous", "observe", "observed", "observes", "obtain",
	"obtained", "obtaining", "obtains", "obvious", "occur", "occurred", "occurring", "occurs", "old", "order",
	"overall", "paper", "part", "particular", "particularly", "parts", "perform", "performed", "performing",
	"performs", "possible", "potential", "present", "presented", "presenting", "presents", "previous", "produce",
	"produced", "produces", "producing", "propose", "proposed", "proposes", "proposing", "prove", "proved",
	"proven", "proves", "provide", "provided", "provides", "providing", "purpose", "put", "puts", "quite", "ran",
	"rather", "recent", "recently", "reduce", "reduced", "reduces", "reducing", "refer", "referred", "refers",
	"relate", "related", "relates", "relating", "remain", "remained", "remains", "report", "reported", "reporting",
	"reports", "represent", "represented", "representing", "represents", "require", "required", "requires",
	"requiring", "respect", "respectively", "result", "results", "role", "runs", "said", "saw", "say", "says",
	"section", "see", "seem", "seemed", "seems", "seen", "seven", "several", "shorter", "show", "showed", "showing",
	"shown", "shows", "significant", "similar", "simple", "six", "smaller", "sometimes", "soon", "specific",
	"start", "started", "starts", "studies", "study", "suggest", "suggested", "suggests", "suitable", "table",
	"take", "taken", "takes", "taking", "tell", "ten", "tend", "tends", "term", "terms", "tested", "therefore",
	"thing", "things", "think", "third", "thought", "thousand", "three", "throughout", "thus", "today", "together",
	"told", "took", "total", "tried", "tries", "true", "try", "trying", "turn", "turned", "turns", "two", "type",
	"types", "typical", "typically", "use", "used", "useful", "uses", "using", "usual", "usually", "utilize",
	"utilized", "utilizes", "utilizing", "valuable", "variety", "various", "verified", "verify", "versus", "vs",
	"want", "wanted", "wants", "way", "ways", "well", "went", "whereas", "work", "works", "year", "years",
};
// clang-format on

bool viva_lexicon_is_light(const char *word)
{
	static const char *const not_adverbs[] = {"anomaly", "assembly", "family", "monopoly", "reply", "supply"};
	size_t size = strlen(word);
	if (size > 4 && strcmp(word + size - 2, "ly") == 0)
		return !viva_lexicon_find(word, not_adverbs, VIVA_COUNT(not_adverbs), sizeof *not_adverbs);
	return viva_lexicon_find(word, light, VIVA_COUNT(light), sizeof *light) != NULL;
}
