/* Who of two places takes writes: the rules of internal/chat/handover.go and
   meeting.go, for spin. `make soak` checks it with docs/model/check.

   Place 0 writes first: the even turns are its own, the odd ones place 1's.
   What a place holds is a set of writes, one bit each; a position of a log is
   what the log holds up to there, so that "all up to the end of a certificate
   has arrived" is a question about sets, whatever became of the positions.

   Whatever was said may come late, twice, or never, and out of order: each
   direction keeps two certificates and one greeting that were said at some
   time, any of which arrives whenever it likes. A place may stop and start at
   any moment, and one of them may be set back to a copy of itself.

   With -DAGAIN a pair ends once: the place that waits retires, offers itself to
   the other one, and the two are a new pair with a new key, what the code calls
   turn 0 being whatever the turn has come to. A copy from before that which takes
   writes by itself is one from before the pair was made: it must not be started.

   -D variants each leave one rule out; the check must find what is wrong:
   NO_CURSOR NO_WAKE NO_LIFE NO_UNMET NO_WAIT NO_ANSWER NO_DOUBT NO_BEHIND NO_KEY (a write is
   lost, or both write), NO_RENEW NO_LAPSE (nobody writes, for ever). */

#ifndef WRITES
#define WRITES 2
#endif
#ifndef STARTS
#define STARTS 2	/* of either place, set back or not */
#endif
#ifndef FREEZES
#define FREEZES 3
#endif
#ifndef TURNS
#define TURNS 3
#endif

mtype = { OPEN, FROZEN, UNASKED, WAITS };	/* WAITS: receiving or standby */

typedef Place {
	mtype st;
	byte turn;
	byte life, heard;
	bit unmet;
	byte theirs;	/* the newest turn that the other one knows of, in its present life */
	byte gave;	/* the newest turn it gave a certificate for */
	byte has;
	bit over;	/* the pair has ended */
	byte pair;	/* the first, or the second: whose key is known; OFFERED: neither */
};
typedef Certificate { byte turn, life, has, pair };
typedef Greeting { byte turn, life, heard, pair; bit over };
#define OFFERED	2

Place at[2];
Place copy;	/* of the one that may be set back */
bit copied, victim;

Certificate sent[4];	/* two to place 0, two to place 1 */
Greeting said[2];	/* to place 0, to place 1 */
byte verified[2];	/* the mover's: what it saw at the other place under a freeze; 255 is nothing */

byte clock, writes, starts, freezes;
byte newest, alone;	/* the newest turn anybody was open in, and what was written in it */
byte acked;	/* what was acknowledged, and is not gone with a copy */

#define mine(p)		(at[p].turn % 2 == p)
#define holds(a, b)	(((a) & (b)) == (b))
#define writes_now(p)	(at[p].st == OPEN)

#ifdef NO_UNMET
#define MET(p)		true
#else
#define MET(p)		(!at[p].unmet)
#endif
#ifdef NO_LIFE
#define CURRENT(p, r)	true
#else
#define CURRENT(p, r)	(r == at[p].heard)
#endif
#ifdef NO_CURSOR
#define ARRIVED(p, h)	true
#else
#define ARRIVED(p, h)	holds(at[p].has, h)
#endif
#ifdef NO_ANSWER
#define ANSWERS(p, r)	true
#else
#define ANSWERS(p, r)	(r == at[p].life)
#endif
#ifdef NO_KEY
#define KNOWN(p, k)	true
#else
#define KNOWN(p, k)	(k == at[p].pair)
#endif
#ifdef NO_DOUBT
#define CARELESS(p)	(at[p].st == UNASKED)
#else
#define CARELESS(p)	false
#endif

inline check(p) {
	assert(!(writes_now(0) && writes_now(1)));
	if
	:: writes_now(p) ->
		assert(at[p].turn >= newest);
		assert(holds(at[p].has, acked));
		if
		:: at[p].turn > newest -> newest = at[p].turn; alone = 0
		:: else
		fi
	:: else
	fi
}

inline learn(p, nTurn) {
	if
	:: nTurn > 0 && nTurn % 2 == p ->
#ifdef NO_WAIT	/* a turn of one's own is taken without a certificate */
		if
		:: nTurn > at[p].turn -> at[p].turn = nTurn; at[p].st = OPEN
		:: else
		fi
#else
		if
		:: nTurn - 1 > at[p].turn ->
			if
			:: mine(p) -> at[p].st = WAITS
			:: else
			fi;
			at[p].turn = nTurn - 1
		:: else
		fi
#endif
	:: nTurn % 2 != p && nTurn > at[p].turn ->
		if
		:: mine(p) -> at[p].st = WAITS
		:: else
		fi;
		at[p].turn = nTurn
	:: else
	fi
}

inline open(p, nTurn, nLife, nHeld, nPair) {
	if
	:: KNOWN(p, nPair) && nTurn > at[p].turn && nTurn % 2 == p ->
		learn(p, (nTurn - 1));
		if
		:: MET(p) && CURRENT(p, nLife) && ARRIVED(p, nHeld) -> at[p].st = OPEN; at[p].turn = nTurn; check(p)
		:: else
		fi
	:: else
	fi
}

inline meet(p, nTurn, nLife, nHeld, nOver, nPair) {
	if
	:: KNOWN(p, nPair) ->
		learn(p, nTurn);
		if
		:: nLife > at[p].heard -> at[p].heard = nLife; at[p].theirs = nTurn
		:: nLife == at[p].heard && nTurn > at[p].theirs -> at[p].theirs = nTurn
		:: else
		fi;
		if
		:: ANSWERS(p, nHeld) -> at[p].unmet = 0;
			if
			:: mine(p) && at[p].st == UNASKED -> at[p].st = OPEN
			:: else
			fi
		:: else
		fi;
		at[p].over = at[p].over | nOver;
		check(p)
	:: else
	fi
}

/* The certificate that a place has given with the present turn, as it is now. */
#ifdef NO_RENEW
#define gives(p)	(at[p].gave == at[p].turn && !mine(p) && at[p].turn > 0 && at[p].life == 0)
#else
#define gives(p)	(at[p].gave == at[p].turn && !mine(p) && at[p].turn > 0)
#endif

inline certify(p) {	/* it may be lost, and it may drive out an older one, or not */
	if
	:: sent[2*(1-p)].turn = at[p].turn; sent[2*(1-p)].life = at[p].life; sent[2*(1-p)].has = at[p].has; sent[2*(1-p)].pair = at[p].pair
	:: sent[2*(1-p)+1].turn = at[p].turn; sent[2*(1-p)+1].life = at[p].life; sent[2*(1-p)+1].has = at[p].has; sent[2*(1-p)+1].pair = at[p].pair
	:: skip
	fi
}

inline wake(p) {
	verified[p] = 255;
	if
	:: !at[p].over ->
		clock++;
		at[p].life = clock; at[p].unmet = 1;
#ifndef NO_WAKE
		if
		:: mine(p) && at[p].st != WAITS -> at[p].st = UNASKED
		:: else
		fi;
#endif
	:: else
	fi;
	check(p)
}

inline write(p) {
	writes_now(p) && writes < WRITES ->
	at[p].has = at[p].has | (1 << writes);
	acked = acked | (1 << writes);
	alone = alone | (1 << writes);
	writes++;
	check(p)
}

#ifdef NO_BEHIND
#define GOOD(p)		true
#else
#define GOOD(p)		(at[p].theirs >= at[p].turn && !at[1-p].unmet)
#endif

/* The mover makes the one that waits as the other one is. */
#define carries(p)	(!at[p].over && at[p].pair == at[1-p].pair && !mine(p) && at[p].st == WAITS && GOOD(p) && at[p].has != at[1-p].has)

inline carry(p) { carries(p) -> at[p].has = at[1-p].has }

inline freeze(p) {
	freezes < FREEZES && !at[p].over && mine(p) && (at[p].st == OPEN || at[p].st == FROZEN || CARELESS(p)) -> at[p].st = FROZEN; freezes++
}

inline lapse(p) { at[p].st == FROZEN -> at[p].st = OPEN; check(p) }

inline verify(p) { at[p].st == FROZEN && at[1-p].has == at[p].has && verified[p] != at[p].has -> verified[p] = at[p].has }

inline retire(p) {
	at[p].st == FROZEN && !at[p].over && mine(p) && at[p].turn < TURNS && verified[p] == at[p].has ->
	at[p].turn++; at[p].st = WAITS; at[p].gave = at[p].turn; verified[p] = 255;
	certify(p)
}

#ifdef LIVE	/* who is set back to another pair has nobody to ask: an operator decides */
#define BEFORE	(copy.pair == at[victim].pair)
#else
#define BEFORE	(copy.pair == at[victim].pair || !copy.over)
#endif

inline setback() {
	copied && starts < STARTS && BEFORE ->
	starts++;
	at[victim].st = copy.st; at[victim].turn = copy.turn; at[victim].life = copy.life; at[victim].heard = copy.heard;
	at[victim].unmet = copy.unmet; at[victim].theirs = copy.theirs; at[victim].gave = copy.gave; at[victim].has = copy.has;
	at[victim].over = copy.over; at[victim].pair = copy.pair;
	if
	:: newest % 2 == victim -> acked = acked & (at[victim].has | (255 ^ alone))	/* what it alone had is gone with it */
	:: else
	fi;
	wake(victim)
}

inline keep() {
	!copied && starts < STARTS -> copied = 1;
	copy.st = at[victim].st; copy.turn = at[victim].turn; copy.life = at[victim].life; copy.heard = at[victim].heard;
	copy.unmet = at[victim].unmet; copy.theirs = at[victim].theirs; copy.gave = at[victim].gave; copy.has = at[victim].has;
	copy.over = at[victim].over; copy.pair = at[victim].pair
}

inline say(p) {
	said[1-p].turn = at[p].turn; said[1-p].life = at[p].life; said[1-p].heard = at[p].heard;
	said[1-p].over = at[p].over; said[1-p].pair = at[p].pair
}

/* The pair ends first where people are. Then the one that waits is told, offers
   itself, and has an answer. */
inline end(p) { at[0].pair == 0 && at[1].pair == 0 && mine(p) && at[p].st == OPEN && !at[p].over -> at[p].over = 1 }

inline told(p) { at[1-p].over && at[1-p].pair == at[p].pair && !mine(p) && at[p].st == WAITS && !at[p].over -> at[p].over = 1 }

inline fresh(p) {
	at[p].over = 0; at[p].life = 0; at[p].heard = 0; at[p].unmet = 0; at[p].gave = 0;
	verified[p] = 255
}

inline offer(p) { at[p].pair == 0 && at[p].over && !mine(p) && at[p].st == WAITS -> fresh(p); at[p].pair = OFFERED }

inline answer(p) {
	at[p].pair == 0 && at[1-p].pair == OFFERED && at[p].over && mine(p) && at[p].st == OPEN ->
	fresh(p);
	at[p].pair = 1; at[1-p].pair = 1;	/* who was set back and offers itself again has no answer */
	at[1-p].turn = at[p].turn; at[p].theirs = at[p].turn; at[1-p].theirs = at[p].turn
}

inline changes(p) {
	at[p].pair != OFFERED && !(said[1-p].turn == at[p].turn && said[1-p].life == at[p].life && said[1-p].heard == at[p].heard && said[1-p].over == at[p].over && said[1-p].pair == at[p].pair)
}

active proctype world() {
	atomic {
		at[0].st = OPEN; at[1].st = WAITS;
		verified[0] = 255; verified[1] = 255;
		if
		:: victim = 0
		:: victim = 1
		fi
	}
	do
	:: atomic { write(0) }
	:: atomic { write(1) }
	:: atomic { freeze(0) }
	:: atomic { freeze(1) }
	:: atomic { verify(0) }
	:: atomic { verify(1) }
	:: atomic { retire(0) }
	:: atomic { retire(1) }
	:: atomic { gives(0) -> certify(0) }
	:: atomic { gives(1) -> certify(1) }
	:: atomic { sent[0].turn > 0 -> open(0, sent[0].turn, sent[0].life, sent[0].has, sent[0].pair) }
	:: atomic { sent[1].turn > 0 -> open(0, sent[1].turn, sent[1].life, sent[1].has, sent[1].pair) }
	:: atomic { sent[2].turn > 0 -> open(1, sent[2].turn, sent[2].life, sent[2].has, sent[2].pair) }
	:: atomic { sent[3].turn > 0 -> open(1, sent[3].turn, sent[3].life, sent[3].has, sent[3].pair) }
	:: atomic { changes(0) -> say(0) }
	:: atomic { changes(1) -> say(1) }
	:: atomic { true -> meet(0, said[0].turn, said[0].life, said[0].heard, said[0].over, said[0].pair) }
	:: atomic { true -> meet(1, said[1].turn, said[1].life, said[1].heard, said[1].over, said[1].pair) }
	:: atomic { starts < STARTS -> starts++; wake(0) }
	:: atomic { starts < STARTS -> starts++; wake(1) }
	:: atomic { keep() }
	:: atomic { setback() }
	:: atomic { carry(0) }
	:: atomic { carry(1) }
	:: atomic { lapse(0) }
	:: atomic { lapse(1) }
#ifdef AGAIN
	:: atomic { end(0) }
	:: atomic { end(1) }
	:: atomic { told(0) }
	:: atomic { told(1) }
	:: atomic { offer(0) }
	:: atomic { offer(1) }
	:: atomic { answer(0) }
	:: atomic { answer(1) }
#endif
	od
}

#ifdef LIVE
/* What goes on by itself, in the end, whatever else is lost: leases life out, the
   places reach each other now and then, or a mover both, and the mover carries. */
#ifndef NO_LAPSE
active [2] proctype lease() {
	byte me = _pid - 1;
	do
	:: atomic { lapse(me) }
	od
}
#endif

active proctype reach() {
	byte p = 0;
	do
	:: atomic { true ->
		meet(p, at[1-p].turn, at[1-p].life, at[1-p].heard, at[1-p].over, at[1-p].pair);
		if
		:: gives(1-p) -> open(p, at[1-p].turn, at[1-p].life, at[1-p].has, at[1-p].pair)
		:: else
		fi;
		p = 1 - p
	}
	od
}

active proctype bring() {
	do
	:: atomic { at[0].turn > at[1].turn && carries(1) -> carry(1) }
	:: atomic { at[1].turn > at[0].turn && carries(0) -> carry(0) }
	od
}

ltl somebody { [] <> (at[0].st == OPEN || at[1].st == OPEN) }
ltl thaws { [] ((at[0].st == FROZEN -> <> (at[0].st != FROZEN)) && (at[1].st == FROZEN -> <> (at[1].st != FROZEN))) }
#endif
