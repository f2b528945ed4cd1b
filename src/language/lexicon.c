// SPDX-License-Identifier: Apache-2.0
#include "language/lexicon.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

// Short names for the table below.
enum {
	FUNCTION = VIVA_WORD_FUNCTION,
	DETERMINER = VIVA_WORD_DETERMINER,
	NOT_AFTER_DETERMINER = VIVA_WORD_NOT_AFTER_DETERMINER,
	PREPOSITION = VIVA_WORD_PREPOSITION,
	NOT_AFTER_PREPOSITION = VIVA_WORD_NOT_AFTER_PREPOSITION,
	NOT_LAST = VIVA_WORD_NOT_LAST,
	FILLER = VIVA_WORD_FILLER,
	SOFT_FILLER = VIVA_WORD_SOFT_FILLER,
	REASON = VIVA_WORD_REASON,
	EXAMPLE = VIVA_WORD_EXAMPLE,
	SUBJECT = VIVA_WORD_SUBJECT,
	MODAL = VIVA_WORD_MODAL,
	FINITE = VIVA_WORD_FINITE,
};

struct entry {
	const char *word;
	unsigned flags;
};

// In strcmp's order.
// clang-format off
static const struct entry english[] = {
	{"a", FUNCTION | DETERMINER | NOT_AFTER_DETERMINER | NOT_LAST}, {"about", FUNCTION | PREPOSITION},
	{"above", FUNCTION}, {"across", FUNCTION}, {"actually", SOFT_FILLER}, {"after", FUNCTION},
	{"again", FUNCTION}, {"against", FUNCTION | PREPOSITION}, {"ah", FILLER}, {"all", FUNCTION},
	{"along", FUNCTION}, {"also", FUNCTION}, {"although", FUNCTION | REASON}, {"always", FUNCTION},
	{"am", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | FINITE}, {"among", FUNCTION},
	{"an", FUNCTION | DETERMINER | NOT_AFTER_DETERMINER | NOT_LAST},
	{"and", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | NOT_LAST}, {"any", FUNCTION},
	{"anyone", FUNCTION}, {"anything", FUNCTION}, {"anyway", SOFT_FILLER},
	{"are", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | FINITE}, {"aren't", FUNCTION}, {"around", FUNCTION},
	{"as", FUNCTION | NOT_AFTER_DETERMINER}, {"at", FUNCTION | NOT_AFTER_DETERMINER | PREPOSITION},
	{"basically", SOFT_FILLER}, {"be", FUNCTION | NOT_AFTER_DETERMINER},
	{"because", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | NOT_LAST | REASON},
	{"been", FUNCTION | NOT_AFTER_DETERMINER}, {"before", FUNCTION}, {"behind", FUNCTION}, {"being", FUNCTION},
	{"below", FUNCTION}, {"beside", FUNCTION}, {"besides", FUNCTION}, {"between", FUNCTION | PREPOSITION},
	{"both", FUNCTION}, {"but", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | NOT_LAST | REASON},
	{"by", FUNCTION | NOT_AFTER_DETERMINER | PREPOSITION},
	{"can", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | MODAL},
	{"can't", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | MODAL}, {"cannot", FUNCTION},
	{"consequently", REASON}, {"could", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | MODAL},
	{"couldn't", FUNCTION | MODAL}, {"despite", FUNCTION},
	{"did", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | FINITE},
	{"didn't", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | MODAL}, {"do", FUNCTION | NOT_AFTER_DETERMINER},
	{"does", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | FINITE}, {"doesn't", FUNCTION | MODAL}, {"doing", FUNCTION},
	{"don't", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | MODAL}, {"done", FUNCTION}, {"down", FUNCTION},
	{"during", FUNCTION | PREPOSITION}, {"e.g", EXAMPLE}, {"each", FUNCTION}, {"eh", FILLER}, {"else", FUNCTION},
	{"er", FUNCTION | FILLER}, {"erm", FILLER}, {"err", FILLER}, {"even", FUNCTION}, {"ever", FUNCTION},
	{"every", DETERMINER | NOT_LAST}, {"everyone", FUNCTION}, {"everything", FUNCTION}, {"example", EXAMPLE},
	{"except", FUNCTION}, {"few", FUNCTION}, {"for", FUNCTION | NOT_AFTER_DETERMINER | PREPOSITION},
	{"from", FUNCTION | NOT_AFTER_DETERMINER | PREPOSITION},
	{"had", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | FINITE}, {"hadn't", FUNCTION},
	{"has", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | FINITE}, {"hasn't", FUNCTION},
	{"have", FUNCTION | NOT_AFTER_DETERMINER}, {"haven't", FUNCTION}, {"having", FUNCTION},
	{"he", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | SUBJECT}, {"he'd", FUNCTION}, {"he'll", FUNCTION}, {"he's", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION}, {"hence", REASON},
	{"her", FUNCTION | NOT_AFTER_DETERMINER}, {"here", FUNCTION}, {"here's", FUNCTION}, {"hers", FUNCTION}, {"herself", FUNCTION},
	{"him", FUNCTION | NOT_AFTER_DETERMINER}, {"himself", FUNCTION},
	{"his", FUNCTION | NOT_AFTER_DETERMINER}, {"hm", FILLER}, {"hmm", FILLER},
	{"honestly", SOFT_FILLER}, {"how", FUNCTION}, {"however", REASON},
	{"i", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | SUBJECT}, {"i'd", FUNCTION}, {"i'll", FUNCTION},
	{"i'm", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION}, {"i've", FUNCTION},
	{"if", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | NOT_LAST | REASON},
	{"in", FUNCTION | NOT_AFTER_DETERMINER | PREPOSITION}, {"instance", EXAMPLE}, {"instead", REASON},
	{"into", FUNCTION | PREPOSITION | NOT_LAST}, {"is", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | FINITE},
	{"isn't", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION}, {"it", FUNCTION | NOT_AFTER_DETERMINER},
	{"it's", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION},
	{"its", FUNCTION | DETERMINER | NOT_AFTER_DETERMINER | NOT_LAST}, {"itself", FUNCTION}, {"just", FUNCTION},
	{"let's", FUNCTION}, {"like", FUNCTION}, {"literally", SOFT_FILLER}, {"many", FUNCTION},
	{"may", FUNCTION | NOT_AFTER_DETERMINER | MODAL}, {"me", FUNCTION | NOT_AFTER_DETERMINER},
	{"might", FUNCTION | NOT_AFTER_DETERMINER | MODAL}, {"mine", FUNCTION}, {"mm", FILLER}, {"mmm", FILLER},
	{"more", FUNCTION}, {"most", FUNCTION}, {"much", FUNCTION}, {"must", FUNCTION | NOT_AFTER_DETERMINER | MODAL},
	{"mustn't", FUNCTION}, {"my", FUNCTION | DETERMINER | NOT_AFTER_DETERMINER | NOT_LAST}, {"myself", FUNCTION},
	{"namely", EXAMPLE}, {"near", FUNCTION}, {"never", FUNCTION}, {"no", FUNCTION}, {"nor", FUNCTION},
	{"not", FUNCTION | NOT_AFTER_DETERMINER}, {"nothing", FUNCTION}, {"obviously", SOFT_FILLER},
	{"of", FUNCTION | NOT_AFTER_DETERMINER | PREPOSITION | NOT_AFTER_PREPOSITION | NOT_LAST}, {"off", FUNCTION},
	{"often", FUNCTION}, {"on", FUNCTION | NOT_AFTER_DETERMINER | PREPOSITION}, {"once", FUNCTION},
	{"one", FUNCTION}, {"ones", FUNCTION}, {"only", FUNCTION}, {"onto", FUNCTION},
	{"or", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | NOT_LAST}, {"other", FUNCTION},
	{"otherwise", REASON}, {"ought", FUNCTION}, {"our", FUNCTION | DETERMINER | NOT_AFTER_DETERMINER | NOT_LAST},
	{"ours", FUNCTION}, {"ourselves", FUNCTION}, {"out", FUNCTION}, {"over", FUNCTION | PREPOSITION},
	{"own", FUNCTION}, {"per", FUNCTION}, {"same", FUNCTION}, {"shall", FUNCTION},
	{"she", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | SUBJECT}, {"she'd", FUNCTION}, {"she'll", FUNCTION}, {"she's", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION},
	{"should", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | MODAL}, {"shouldn't", FUNCTION},
	{"since", FUNCTION | REASON}, {"so", FUNCTION | NOT_AFTER_DETERMINER | REASON}, {"some", FUNCTION},
	{"someone", FUNCTION}, {"something", FUNCTION}, {"specifically", EXAMPLE}, {"still", FUNCTION},
	{"such", FUNCTION | EXAMPLE}, {"than", FUNCTION | NOT_AFTER_DETERMINER | NOT_LAST},
	{"that", FUNCTION | NOT_AFTER_DETERMINER}, {"that's", FUNCTION},
	{"the", FUNCTION | DETERMINER | NOT_AFTER_DETERMINER | NOT_LAST},
	{"their", FUNCTION | NOT_AFTER_DETERMINER}, {"theirs", FUNCTION},
	{"them", FUNCTION | NOT_AFTER_DETERMINER}, {"themselves", FUNCTION}, {"then", FUNCTION}, {"there", FUNCTION},
	{"there's", FUNCTION}, {"therefore", REASON}, {"these", FUNCTION | NOT_AFTER_DETERMINER},
	{"they", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | SUBJECT}, {"they'd", FUNCTION},
	{"they'll", FUNCTION}, {"they're", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION},
	{"they've", FUNCTION}, {"this", FUNCTION | NOT_AFTER_DETERMINER}, {"those", FUNCTION | NOT_AFTER_DETERMINER},
	{"though", FUNCTION | REASON}, {"through", FUNCTION | PREPOSITION}, {"thus", REASON},
	{"to", FUNCTION | NOT_AFTER_DETERMINER | PREPOSITION}, {"too", FUNCTION}, {"toward", FUNCTION},
	{"towards", FUNCTION}, {"uh", FUNCTION | FILLER}, {"uhh", FILLER}, {"uhm", FILLER}, {"um", FUNCTION | FILLER},
	{"umm", FILLER}, {"under", FUNCTION | PREPOSITION}, {"unless", FUNCTION | REASON}, {"unlike", FUNCTION},
	{"until", FUNCTION}, {"up", FUNCTION}, {"upon", FUNCTION}, {"us", FUNCTION | NOT_AFTER_DETERMINER},
	{"very", FUNCTION}, {"via", FUNCTION}, {"was", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | FINITE},
	{"wasn't", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION},
	{"we", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | SUBJECT}, {"we'd", FUNCTION}, {"we'll", FUNCTION},
	{"we're", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION}, {"we've", FUNCTION},
	{"were", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | FINITE}, {"weren't", FUNCTION},
	{"what", FUNCTION | NOT_AFTER_DETERMINER}, {"what's", FUNCTION}, {"whatever", SOFT_FILLER},
	{"when", FUNCTION}, {"where", FUNCTION}, {"whereas", REASON}, {"whether", FUNCTION | REASON},
	{"which", FUNCTION | NOT_AFTER_DETERMINER}, {"while", FUNCTION | REASON},
	{"who", FUNCTION | NOT_AFTER_DETERMINER}, {"who's", FUNCTION}, {"whom", FUNCTION | NOT_AFTER_DETERMINER},
	{"whose", FUNCTION}, {"why", FUNCTION}, {"will", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | MODAL},
	{"with", FUNCTION | NOT_AFTER_DETERMINER | PREPOSITION}, {"within", FUNCTION},
	{"without", FUNCTION | PREPOSITION}, {"won't", FUNCTION | MODAL},
	{"would", FUNCTION | NOT_AFTER_DETERMINER | NOT_AFTER_PREPOSITION | MODAL}, {"wouldn't", FUNCTION}, {"yet", FUNCTION},
	{"you", FUNCTION | NOT_AFTER_DETERMINER}, {"you'd", FUNCTION}, {"you'll", FUNCTION}, {"you're", FUNCTION},
	{"you've", FUNCTION}, {"your", FUNCTION | DETERMINER | NOT_AFTER_DETERMINER | NOT_LAST}, {"yours", FUNCTION},
	{"yourself", FUNCTION},
};

// Frequent function words of other languages in Latin script that are no English words; in strcmp's order.
static const char *const foreign[] = {
	"aan", "abbiamo", "aber", "adalah", "ale", "alla", "als", "ama", "anche", "ao", "att", "auch", "auf",
	"aux", "avec", "az", "bei", "bir", "bu", "był", "care", "ce", "cette", "che", "como", "con", "csak",
	"cu", "cuando", "da", "daha", "dalam", "dan", "dans", "dari", "dat", "de", "dei", "del", "della", "dem",
	"dengan", "der", "des", "det", "deze", "di", "din", "dla", "du", "een", "egy", "ei", "ein", "eine",
	"einen", "el", "ele", "elle", "em", "en", "es", "este", "esto", "et", "että", "ez", "fait", "foi",
	"för", "für", "gibi", "gli", "haben", "har", "hebben", "het", "hogy", "hän", "ich", "ikke", "ile",
	"im", "ini", "inte", "isso", "ist", "itu", "için", "jag", "jak", "jako", "je", "jeg", "jest", "joka",
	"jsem", "jsou", "kun", "la", "las", "le", "les", "lo", "los", "maar", "mais", "mas", "med", "met", "mit",
	"mutta", "muy", "más", "na", "nach", "nel", "nem", "nicht", "nie", "niet", "niin", "non", "nous", "nu",
	"não", "och", "oder", "og", "olarak", "olen", "oli", "ook", "pada", "para", "pentru", "pero", "più",
	"por", "porque", "pour", "przez", "på", "quando", "que", "questo", "qui", "sau", "sich", "sie", "sind",
	"się", "som", "sono", "sont", "su", "são", "también", "também", "tidak", "til", "till", "uma", "un",
	"una", "und", "une", "untuk", "ve", "ved", "vi", "volt", "von", "voor", "vous", "wij", "wir", "wird",
	"wordt", "yang", "zijn", "zu", "är", "çok", "è", "és", "été", "être", "że", "že",
};
// clang-format on

static int compare_word(const void *word, const void *entry)
{
	return strcmp(word, *(const char *const *)entry);
}

const void *viva_lexicon_find(const char *word, const void *table, size_t count, size_t entry_size)
{
	return bsearch(word, table, count, entry_size, compare_word);
}

unsigned viva_lexicon_flags(const char *word)
{
	const struct entry *entry = viva_lexicon_find(word, english, VIVA_COUNT(english), sizeof *english);
	return entry ? entry->flags : 0;
}

bool viva_lexicon_is_foreign(const char *word)
{
	return viva_lexicon_find(word, foreign, VIVA_COUNT(foreign), sizeof *foreign) != NULL;
}
