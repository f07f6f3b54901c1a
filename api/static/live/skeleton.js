// From segment orientations to points of a body in metres. Pure.
//
// Segment frames: x anterior, y proximal, z right; earth: x east, y north, z up (docs/conventions.md). Body frame of the
// result: x forward, y up, z right, seen by somebody who turns with the person. Headings of limbs that were estimated
// without a magnetometer have no common zero; a slow correction per limb (below) keeps them together for the eye only.

const TRUNK = 0.5, NECK = 0.11, HEAD = 0.13, HIP = 0.09, SHOULDER = 0.19;
const STEEP = 0.5; // horizontal part of a unit vector
const ALIGN_S = 4; // time constant of the heading correction: a turn of one thigh stays visible, drift does not

/** Limbs from the body outwards: [segment, length in metres along its own axis, axis]. */
const DOWN = [0, -1, 0], UP = [0, 1, 0], FORWARD = [1, 0, 0];
const LEG = [["thigh", 0.43, DOWN], ["shank", 0.42, DOWN], ["foot", 0.19, FORWARD]];
const ARM = [["upper_arm", 0.3, DOWN], ["forearm", 0.25, DOWN], ["hand", 0.13, DOWN]];
const JOINT_ABOVE = { thigh: "hip", shank: "knee", foot: "ankle", upper_arm: "shoulder", forearm: "elbow", hand: "wrist" };
const WIDTH = { thigh: 0.085, shank: 0.065, foot: 0.05, upper_arm: 0.055, forearm: 0.047, hand: 0.042 };
const FOOT_RANGE = [-0.87, 0.52]; // how far an unmeasured foot may point down and up against the shank [rad]

export const SEGMENTS = ["pelvis", "trunk", "head", ...["left", "right"].flatMap((side) => [...LEG, ...ARM].map(([name]) => `${name}_${side}`))];
const CHAINS = [["pelvis"], ["trunk", "head"], ...["left", "right"].flatMap((side) => [LEG, ARM].map((limb) => limb.map(([name]) => `${name}_${side}`)))];

/** Rotate a vector by a quaternion w x y z. */
export function rotate([w, x, y, z], [a, b, c]) {
  const tx = 2 * (y * c - z * b), ty = 2 * (z * a - x * c), tz = 2 * (x * b - y * a);
  return [a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx];
}

/**
 * The direction that a segment's front faces [rad clockwise from north], from its right-pointing axis, which bending
 * leaves horizontal; null where that axis stands too steep to tell, as in an arm lifted sideways.
 */
export function heading(quat) {
  const [east, north] = rotate(quat, [0, 0, 1]);
  return Math.hypot(east, north) < STEEP ? null : Math.atan2(-north, east);
}

/** Remembers the slow heading correction of each limb. */
export class Headings {
  #offsets = CHAINS.map(() => null);

  /**
   * Turn the measured orientations so that the body faces forward.
   * measured: Map segment -> quaternion. Returns Map segment -> function from segment vector to body vector.
   */
  align(measured, seconds) {
    const roots = CHAINS.map((chain) => chain.find((segment) => measured.has(segment)));
    const angles = roots.map((root) => (root ? heading(measured.get(root)) : null));
    const reference = angles.find((angle) => angle !== null) ?? 0;
    const turns = new Map();
    CHAINS.forEach((chain, i) => {
      if (!roots[i]) return;
      const offset = this.#follow(i, angles[i] === null ? null : wrap(angles[i] - reference), seconds);
      for (const segment of chain) if (measured.has(segment)) turns.set(segment, toBody(measured.get(segment), reference + offset));
    });
    return turns;
  }

  #follow(i, offset, seconds) {
    const before = this.#offsets[i];
    if (offset === null) return before ?? 0;
    const share = 1 - Math.exp(-seconds / ALIGN_S);
    this.#offsets[i] = before === null ? offset : wrap(before + share * wrap(offset - before));
    return this.#offsets[i];
  }
}

/**
 * Place the body. turns: as from `Headings.align`.
 * Returns {bones: [{segment, side, from, to, measured, width}], head: {centre, radius, measured}, joints: Map name -> point, reaching:
 * whether an arm is measured and may need room}.
 * The lowest point of the legs stands on y = 0.
 */
export function pose(turns) {
  const still = (vector) => vector;
  const turn = (segment) => turns.get(segment) ?? still;
  const bones = [];
  const bone = (segment, side, from, to, width) => {
    bones.push({ segment, side, from, to, measured: turns.has(segment), width });
    return to;
  };
  const pelvis = turn("pelvis"), trunk = turn("trunk");
  const neck = bone("trunk", "", [0, 0, 0], scale(trunk(UP), TRUNK), 0.1);
  const nod = turn(turns.has("head") ? "head" : "trunk");
  bone("head", "", neck, add(neck, scale(nod(UP), NECK)), 0.05);
  const head = { centre: add(neck, scale(nod(UP), NECK + HEAD * 0.75)), radius: HEAD, nose: nod(FORWARD), measured: turns.has("head") };
  const joints = new Map();
  for (const [side, sign] of [["left", -1], ["right", 1]]) {
    bone("pelvis", "", [0, 0, 0], scale(pelvis([0, 0, sign]), HIP), 0.07);
    bone("trunk", "", neck, add(neck, scale(trunk([0, 0, sign]), SHOULDER)), 0.06);
    hang(LEG, side, scale(pelvis([0, 0, sign]), HIP), turns, bone, joints);
    hang(ARM, side, add(neck, scale(trunk([0, 0, sign]), SHOULDER)), turns, bone, joints);
  }
  const reaching = bones.some(({ segment, measured }) => measured && /arm|hand/.test(segment));
  return standing({ bones, head, joints, reaching });
}

function hang(limb, side, start, turns, bone, joints) {
  let from = start, above = null;
  for (const [name, length, axis] of limb) {
    const segment = `${name}_${side}`;
    joints.set(`${JOINT_ABOVE[name]}_${side}`, from);
    const turn = turns.get(segment);
    const direction = turn ? turn(axis) : name === "foot" ? restingFoot(above) : name === "hand" && above ? above(DOWN) : axis;
    from = bone(segment, side, from, add(from, scale(direction, length)), WIDTH[name]);
    above = turn ?? null;
  }
}

/** The direction of a foot without a sensor: flat, as far as an ankle lets it. */
function restingFoot(shank) {
  if (!shank) return FORWARD;
  const front = shank(FORWARD);
  const pitch = Math.atan2(front[1], Math.hypot(front[0], front[2])); // of a foot at a right angle to the shank
  const flat = Math.min(FOOT_RANGE[1], Math.max(FOOT_RANGE[0], -pitch));
  return shank([Math.cos(flat), Math.sin(flat), 0]);
}

function standing(body) {
  const floor = Math.min(...body.bones.flatMap(({ from, to }) => [from[1], to[1]]));
  const lift = (point) => [point[0], point[1] - floor, point[2]];
  for (const bone of body.bones) {
    bone.from = lift(bone.from);
    bone.to = lift(bone.to);
  }
  body.head.centre = lift(body.head.centre);
  body.joints = new Map([...body.joints].map(([name, point]) => [name, lift(point)]));
  return body;
}

/** Earth (east, north, up) to body (forward, up, right) for a body that faces `angle`. */
function toBody(quat, angle) {
  const east = Math.sin(angle), north = Math.cos(angle);
  return (vector) => {
    const [e, n, up] = rotate(quat, vector);
    return [e * east + n * north, up, e * north - n * east];
  };
}

const add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const scale = (a, s) => [a[0] * s, a[1] * s, a[2] * s];
const wrap = (angle) => Math.atan2(Math.sin(angle), Math.cos(angle));
