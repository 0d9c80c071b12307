// Made by internal/api/tsgen from types in Go (internal/api/api.go says which): change them there, then type: make gen.
// Addresses and meaning are said there.

export interface Status {
  version: number;
  move: string;
  from: string;
  to: string;
  stage: string;
  since: string;
  started: string;
  at: string;
  mover: string;
  turn: number;
  writing: string;
  source: PlaceStatus;
  target: PlaceStatus;
  kinds: KindStatus[];
  done: number;
  total: number;
  files: FileStatus;
  rates: Rate[];
  lag: number;
  behind: number;
  low: number;
  high: number;
  waits: string;
  paused: boolean;
  quarantined: number;
  signed_off?: string;
  verify: VerifyStatus;
  pause: number;
  budget: number;
  pauses?: Pause[];
  ready: boolean;
  not_ready?: string;
  next: NextStep;
  planned?: Planned;
  knobs: Knob[];
  problem?: Problem;
  log: Line[];
}

export interface PlaceStatus {
  title: string;
  version: string;
  state: string;
  pos: number;
  posts: number;
  p95: number;
  people: number;
  relayed: number;
  held: number;
  silent?: boolean;
}

export interface KindStatus {
  kind: string;
  done: number;
  all: number;
}

export interface FileStatus {
  copied: number;
  bytes: number;
  there: number;
  gone: number;
  total: number;
}

export interface Rate {
  at: string;
  objects: number;
  bytes: number;
  behind: number;
  p95: number;
}

export interface VerifyStatus {
  round: number;
  level: string;
  done: number;
  clean?: string;
  differences: number;
  repaired: number;
  took: number;
}

export interface Pause {
  at: string;
  turn: number;
  took: number;
  what: string;
}

export interface NextStep {
  step: string;
  do?: string;
  by?: string;
  then?: string;
}

export interface Planned {
  at?: string;
  gone?: string;
  who?: string;
}

export interface Knob {
  name: string;
  value: string;
  help: string;
}

export interface Problem {
  kind: string;
  text: string;
  hint?: string;
  at: string;
}

export interface Line {
  at: string;
  text: string;
}
