// Made by internal/api/tsgen from types in Go (internal/api/api.go says which): change them there, then type: make gen.
// Addresses and meaning are said there.

export interface Error {
  kind: string;
  text: string;
  hint?: string;
}

export interface SignIn {
  login: string;
  password: string;
  code?: string;
  passkey?: PasskeyAnswer;
}

export interface LinkInfo {
  name: string;
  email: string;
}

export interface NewPassword {
  password: string;
}

export interface Person {
  id: string;
  name: string;
  mention?: string;
  title?: string;
  role: string;
  avatar?: string;
  off?: boolean;
  same?: string;
}

export interface Me extends Person {
  email: string;
  zone: string;
  admin: boolean;
}

export interface Start {
  me: Me;
  place: string;
  address: string;
  state: string;
  cursor: string;
  now: number;
  rooms: Room[];
  people: Person[];
  emoticons: Record<string, string>;
  preferences: Record<string, string>;
  client: string;
  moved?: string;
  announcement?: Announcement;
}

export interface Room {
  id: string;
  type: string;
  state?: string;
  name: string;
  topic?: string;
  with?: string[];
  star?: boolean;
  order?: number;
  member: boolean;
  members?: number;
  messages?: number;
  first?: number;
  last?: number;
  may_post: boolean;
  people?: string[];
  admins?: string[];
  owner?: string;
  may?: string[];
  notify?: string;
  hidden?: number;
  guests?: boolean;
  arriving?: boolean;
  ends?: number;
  read?: number;
  unread?: number;
  mentions?: number;
}

export interface Rooms {
  rooms: Room[];
  next?: string;
}

export interface Message {
  id: string;
  room: string;
  author?: string;
  label?: string;
  sent: number;
  type: string;
  edited?: number;
  gone?: boolean;
  color?: string;
  tree?: Node[];
  files?: File[];
  cards?: Card[];
  thread?: string;
  shown?: boolean;
  everyone?: string;
  replies?: Replies;
  reactions?: Reaction[];
  pinned?: boolean;
  calls?: string[];
}

export interface File {
  id: string;
  name: string;
  size: number;
  type?: string;
  width?: number;
  height?: number;
  missing?: boolean;
  url?: string;
  preview?: string;
}

export interface History {
  messages: Message[];
  older?: string;
  newer?: string;
  thread?: string;
  saved?: string[];
}

export interface NewMessage {
  text: string;
  nonce: string;
  files?: string[];
  thread?: string;
  shown?: boolean;
}

export interface Found {
  hits: Hit[];
  older?: string;
  unindexed?: number;
  terms?: string[];
  notes?: string[];
}

export interface Hit {
  message: Message;
  room: Room;
}

export interface Overview {
  version: string;
  state: string;
  place: string;
  address: string;
  started: number;
  database: string;
  people: number;
  off: number;
  rooms: number;
  archived: number;
  deleted: number;
  direct: number;
  messages: number;
  unindexed: number;
  files: number;
  file_bytes: number;
  emoticons: number;
  first: number;
  last: number;
  db_bytes: number;
  problems?: string[];
  moves?: Move[];
}

export interface Move {
  name: string;
  source: string;
  done: boolean;
  started: number;
  ended?: number;
  written: number;
  read: number;
}

export interface AdminPerson extends Person {
  email?: string;
  created?: number;
  password: boolean;
}

export interface AdminPeople {
  people: AdminPerson[];
  next?: string;
  total: number;
}

export interface ResetLink {
  url: string;
  expires: number;
}

export interface NewPerson {
  name: string;
  mention?: string;
  email: string;
  role?: string;
}

export interface Invitation {
  person: AdminPerson;
  link: ResetLink;
}

export interface Invitations {
  people: Invitation[];
}

export interface NewToken {
  name: string;
  scopes: string[];
  days: number;
}

export interface Token {
  secret: string;
  expires: number;
}

export interface SignedIn extends Me {
  second?: SecondFactor;
  again?: boolean;
}

export interface SecondFactor {
  codes?: boolean;
  passkey?: PasskeyChallenge;
}

export interface PasskeyChallenge {
  options: unknown;
  ticket: string;
}

export interface PasskeyAnswer {
  ticket: string;
  answer: unknown;
}

export interface NewPasskey extends PasskeyAnswer {
  name: string;
}

export interface Passkey {
  id: string;
  name: string;
  host: string;
  created: number;
  used?: number;
}

export interface Named {
  name: string;
}

export interface Confirm {
  password: string;
}

export interface Account {
  me: Me;
  password: boolean;
  codes: boolean;
  recovery: number;
  passkeys: Passkey[];
  required: boolean;
  limited: boolean;
  host: string;
  trouble?: string;
}

export interface Profile {
  name?: string;
  mention?: string;
  title?: string;
  zone?: string;
  email?: string;
  role?: string;
  off?: boolean;
}

export interface ChangePassword {
  old: string;
  password: string;
}

export interface Preferences {
  values: Record<string, string>;
  other?: Record<string, string>;
}

export interface Session {
  id: string;
  agent: string;
  phone?: boolean;
  created: number;
  used: number;
  here?: boolean;
  factor?: boolean;
}

export interface Sessions {
  sessions: Session[];
}

export interface Ended {
  ended: number;
}

export interface NewCodes {
  secret: string;
  address: string;
  picture: string;
  ticket: string;
}

export interface SetCodes {
  ticket: string;
  code: string;
}

export interface Recovery {
  codes: string[];
}

export interface First {
  empty: boolean;
  place?: string;
  arriving?: boolean;
}

export interface Handover {
  address: string;
  code: string;
}

export interface UseHandover {
  code: string;
}

export interface FirstOwner {
  code: string;
  name: string;
  email: string;
  mention?: string;
  place?: string;
  password: string;
}

export interface Settings {
  settings: Setting[];
}

export interface Setting {
  name: string;
  type: string;
  value: string;
  default?: string;
  choices?: string[];
  min?: number;
  max?: number;
}

export interface SettingsChange {
  values: Record<string, string>;
}

export interface MailTest {
  ok: boolean;
  to: string;
  text: string;
}

export interface AuditLog {
  entries: AuditEntry[];
  next?: string;
}

export interface AuditEntry {
  id: string;
  at: number;
  actor?: string;
  name: string;
  action: string;
  target?: string;
  note?: string;
}

export interface AdminAccount {
  person: AdminPerson;
  title?: string;
  zone?: string;
  codes: boolean;
  passkeys: number;
  sessions: Session[];
}

export interface PushSubscription {
  endpoint: string;
  keys?: PushKeys;
}

export interface PushKeys {
  p256dh: string;
  auth: string;
}

export interface Told {
  room: string;
  message: string;
  why: string;
  title: string;
  text?: string;
  sound?: boolean;
}

export interface PushKey {
  key: string;
  trouble?: string;
}

export interface Frame {
  cursor: string;
  events?: Event[];
}

export interface Event {
  type: string;
  message?: Message;
  room?: Room;
  id?: string;
  who?: string;
  gone?: boolean;
  read?: number;
  back?: boolean;
  unread?: number;
  mentions?: number;
  last?: number;
  person?: Person;
  emoticon?: Emoticon;
  place?: Place;
  people?: Record<string, string>;
  whole?: boolean;
  told?: Told;
}

export interface Place {
  name: string;
  address: string;
  state: string;
  client: string;
  moved?: string;
  announcement?: Announcement;
}

export interface Announcement {
  id: string;
  text: string;
  at?: number;
}

export interface Said {
  type: string;
  rooms?: string[];
  room?: string;
  on?: boolean;
  time?: number;
  from?: number;
}

export interface Read {
  time: number;
  from?: number;
}

export interface NewUpload {
  name: string;
  size: number;
}

export interface Upload {
  id: string;
  name: string;
  size: number;
  offset: number;
  done?: boolean;
  type?: string;
  width?: number;
  height?: number;
  part: number;
  expires: number;
}

export interface Uploads {
  uploads: Upload[];
  most: number;
}

export interface Card {
  id: string;
  url: string;
  title?: string;
  text?: string;
  site?: string;
  picture?: string;
}

export interface RoomFile extends File {
  message: string;
  author?: string;
  label?: string;
  sent: number;
}

export interface RoomFiles {
  files: RoomFile[];
  next?: string;
}

export interface Flight {
  move: string;
  state: string;
  over?: boolean;
  status?: unknown;
  told?: number;
  now: number;
  orders?: FlightOrder[];
}

export interface FlightOrder {
  n: number;
  who: string;
  at: number;
  word: string;
  args?: string;
}

export interface NewFlightOrder {
  move: string;
  word: string;
  args?: string;
}

export interface Reaction {
  emoji: string;
  url?: string;
  people: string[];
}

export interface Replies {
  count: number;
  last: number;
  faces: string[];
}

export interface React {
  emoji: string;
  on: boolean;
}

export interface Edit {
  text: string;
}

export interface Correction {
  old: string;
  new: string;
  all?: boolean;
  thread?: string;
}

export interface Revisions {
  revisions: Message[];
}

export interface Thread {
  root: Message;
  messages: Message[];
  older?: string;
  newer?: string;
  following: boolean;
  read: number;
  saved?: string[];
}

export interface Follow {
  thread: string;
  room: string;
  following: boolean;
  read: number;
}

export interface ReadThread {
  read: number;
}

export interface Threads {
  threads: FollowedThread[];
  unread: number;
  more?: boolean;
  saved?: string[];
  following?: string[];
}

export interface FollowedThread {
  room: Room;
  root: Message;
  newest: Message[];
  read: number;
  unread?: boolean;
}

export interface Pins {
  pins: Pin[];
  saved?: string[];
}

export interface Pin {
  message: Message;
  by?: string;
  at?: number;
}

export interface SavedMessages {
  saved: SavedMessage[];
  more?: boolean;
}

export interface SavedMessage {
  message: Message;
  room: Room;
  at: number;
}

export interface Emoticon {
  id: string;
  shortcut: string;
  url: string;
  by?: string;
  created?: number;
  mine?: boolean;
}

export interface Emoticons {
  emoticons: Emoticon[];
  may_add: boolean;
  admins: boolean;
}

export interface EmoticonRule {
  admins: boolean;
}

export interface Emoji {
  list: string;
}

export interface Moved {
  room: string;
  message?: string;
}

export interface NewRoom {
  name: string;
  topic?: string;
  type: string;
  people?: string[];
  nonce: string;
}

export interface RoomEdit {
  name?: string;
  topic?: string;
  type?: string;
  confirm?: boolean;
}

export interface RoomState {
  state: string;
}

export interface People {
  people: string[];
}

export interface MemberRole {
  admin: boolean;
}

export interface Owner {
  person: string;
}

export interface Mine {
  star?: boolean;
  notify?: string;
  hidden?: boolean;
}

export interface Order {
  rooms: string[];
}

export interface GuestAddress {
  url: string;
}

export interface GuestRoom {
  place: string;
  room: string;
}

export interface GuestName {
  name: string;
}

export interface Guest {
  me: Me;
  room: string;
}

export interface AdminRoom {
  id: string;
  name: string;
  type: string;
  state?: string;
  owner?: string;
  members: number;
  ends?: number;
  member: boolean;
}

export interface AdminRooms {
  rooms: AdminRoom[];
  next?: string;
}

export interface RoomPeople {
  people: string[];
  admins?: string[];
}

export interface Node {
  t: string;
  x?: string;
  u?: string;
  user?: string;
  lang?: string;
  k?: string;
  n?: number;
  c?: Node[];
}
