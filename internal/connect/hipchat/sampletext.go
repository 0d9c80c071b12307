package hipchat

import (
	"strings"
)

// mix is a good hash of two numbers (splitmix64): everything invented is a
// function of the seed and of what it is for, so that it needs no memory.
func mix(a, b uint64) uint64 {
	x := a + 0x9e3779b97f4a7c15*(b+1)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// dice gives one number after the other from a beginning.
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	return mix(uint64(*d), 0)
}

func (d *dice) under(n int) int { return int(d.next() % uint64(n)) }

func (d *dice) pick(list []string) string { return list[d.under(len(list))] }

func givenNames() []string {
	return strings.Fields("Ada Grace Linus Barbara Edsger Margaret Tim Radia Ken Frances Donald Katherine Niklaus Hedy Alan Joan Dennis Evelyn Guido Annie José Zoë Łukasz Søren Åsa Jürgen Chloé Nuño Иван Ольга Дмитрий Наталья Γιώργος Ελένη أحمد ليلى דוד נועה สมชาย มาลี 太郎 花子 伟 芳 민준 서연 Priya Arjun Thandiwe Kwame Mei Siobhán")
}

func familyNames() []string {
	return strings.Fields("Byte Hopper Stone Rivers Fernández Müller Novák Lindström O'Neill Dubois Rossi Kowalski Petrov Иванова Смирнов Παππάς الحداد כהן ศรีสุข 佐藤 鈴木 王 李 김 박 Sharma Okafor Mbeki Tanaka Silva Costa Jensen Virtanen Haddad Weber Moreau Castle Marsh Field Winter Baker Carver")
}

func roomWords() (first, second []string) {
	first = strings.Fields("Platform Mobile Web Payments Search Data Design Support Sales Legal Berlin Lisbon Tokyo Infra Security Release Customer Growth Research Hardware Cloud Billing Docs Quality Kitchen Marketing 開発 Разработка الدعم 서울")
	second = []string{"", "team", "on call", "alerts", "stand-up", "reviews", "planning", "incidents", "random", "launch", "& friends", "help", "Q3", "retro", "builds", "☕"}
	return first, second
}

// sentences in the languages of an invented company.
func sentences() []string {
	return strings.Split(strings.TrimSpace(`
The build on the release branch is green again.
Can someone have a look at the {thing} before lunch?
I moved the {thing} to the new cluster, please tell me if anything is slow.
Good morning!
The customer in {place} wants to know when the {thing} will be ready.
Let's talk about it in the stand-up.
+1
Thanks, that did it.
I think the {thing} leaks memory after about six hours.
Who owns the {thing} these days?
Rolled back, will write a post-mortem tomorrow.
The train from {place} is late, start without me.
Deployed to staging. Production follows at four if nobody objects.
It works on my machine, as usual.
Lunch in ten minutes?
The certificate of the {thing} runs out on Friday.
Merged. Please rebase your branches on top of it.
Has anybody a charger for the old laptops?
I am out tomorrow, the dentist finally has an appointment.
Numbers are up eleven percent since the change of the {thing}.
Kann jemand kurz auf die {thing} schauen? Danke!
Das Protokoll von gestern liegt im Ordner, bitte ergänzen.
Ich bin heute im Büro in {place}.
Schöne Grüße aus {place}!
J'ai relancé la {thing}, tout a l'air normal.
On en parle à la réunion de 15 h ?
¿Alguien sabe por qué falla la {thing}?
Mañana estoy en {place} con el cliente.
Я перезапустил сервер, посмотрите, пожалуйста, на {thing}.
Доброе утро! Сегодня работаю из дома.
Кто-нибудь знает, где лежит документация?
Спасибо, всё заработало.
Η έκδοση είναι έτοιμη, τη δοκιμάζω τώρα.
صباح الخير، هل انتهى الاختبار؟
تم إصلاح المشكلة في {thing}، شكرًا للجميع.
הגרסה החדשה באוויר, אפשר לבדוק.
בוקר טוב, מישהו ראה את השגיאה הזאת?
ระบบกลับมาใช้งานได้แล้วครับ
พรุ่งนี้ประชุมกี่โมงคะ
おはようございます。今日のリリースは予定どおりです。
サーバーの移行が終わりました。確認をお願いします。
{thing} のログを見てもらえますか?
早上好,今天的会议改到下午三点。
新版本已经部署到测试环境了。
谁能帮我看一下 {thing}?
안녕하세요, 배포가 끝났습니다.
{thing} 오류를 확인해 주세요.
Ship it! 🚀🚀
Happy birthday! 🎂🎉 There is cake in the kitchen.
On it 👍
Family photo day 👨‍👩‍👧‍👦, we leave early.
See <https://wiki.example.org/x?a=1&b=2> before you "fix" it.
Tables & chairs arrive on Monday; the lift takes < 300 kg.
`), "\n")
}

func things() []string {
	return strings.Fields("scheduler importer login-page database search-index proxy report-job mail-queue cache billing-run dashboard API load-balancer backup crawler invoice-template wiki")
}

func places() []string {
	return strings.Split("Berlin,Lisbon,Tokyo,Kraków,São Paulo,Reykjavík,Москва,Tel Aviv,Seoul,台北,Montréal,Hobart", ",")
}

// texts makes n sentences as they stand between the quotes of JSON.
func texts(seed uint64, n int) [][]byte {
	d := dice(seed)
	all, thing, place := sentences(), things(), places()
	list := make([][]byte, n)
	for i := range list {
		s := d.pick(all)
		for range d.under(3) {
			s += " " + d.pick(all)
		}
		s = strings.ReplaceAll(s, "{thing}", d.pick(thing))
		s = strings.ReplaceAll(s, "{place}", d.pick(place))
		list[i] = appendJSON(nil, s)
	}
	return list
}

// appendJSON appends s as it stands between the quotes of JSON.
func appendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < 0x20:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}

// snippets are what people paste and what programs say.
func snippets() [][]byte {
	list := []string{
		"/code for i := range 10 {\n\tfmt.Println(i, \"of\", 10)\n}",
		"/code SELECT room, count(*)\nFROM messages\nGROUP BY room\nORDER BY 2 DESC;",
		"/quote Programs must be written for people to read, and only incidentally for machines to execute.",
		"/me is making coffee",
		"/me waves from the train",
		"Look at https://git.example.org/platform/pull/1482#issuecomment-77 and https://ci.example.org/job/release/913/console",
		"s/teh/the/", //nolint:misspell // that is what it mends
		"(thumbsup) (shipit)",
		"The new colours are #ff5630 and #36b37e, see (godwit)",
		"Traceback (most recent call last):\n  File \"run.py\", line 7, in <module>\nZeroDivisionError: division by zero",
		"https://example.org/",
		"¯\\_(ツ)_/¯",
	}
	out := make([][]byte, len(list))
	for i, s := range list {
		out[i] = appendJSON(nil, s)
	}
	return out
}

// notices are notifications: colour, format, sender and text.
func notices() [][4]string {
	return [][4]string{
		{"green", "html", "Jenkins", `<b>release #913</b> passed in 4 min 12 s (<a href="https://ci.example.org/job/release/913/">details</a>)`},
		{"red", "html", "Jenkins", `<b>nightly #2207</b> failed: <i>3 of 1,284 tests</i><br><a href="https://ci.example.org/job/nightly/2207/">log</a>`},
		{"yellow", "html", "Bitbucket", `<strong>Ada Byte</strong> pushed 2 commits to <a href="https://git.example.org/platform">platform</a><ul><li>import: go on where it stopped</li><li>docs: say why</li></ul>`},
		{"purple", "text", "Deploybot", "production is at 4.12.0 (godwit) @all"},
		{"gray", "html", "JIRA", `<table><tr><td>OPS-1482</td><td>Disk almost full</td><td><em>High</em></td></tr></table>`},
		{"red", "html", "Nagios", `<img src="https://status.example.org/red.png" alt="down"> <code>db-3</code> does not answer`},
		{"green", "text", "Nagios", "db-3 is back"},
		{"yellow", "html", "Statuspage", `<p>Maintenance on <b>Saturday</b>, 06:00&ndash;08:00 UTC</p>`},
	}
}
