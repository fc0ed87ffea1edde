import { CLASS_COUNT, PIXELS_PER_DIGIT } from "./digits.mjs";

/**
 * A classifier with one hidden layer (ReLU) and a softmax, trained one digit at a time by stochastic
 * gradient descent.
 */
export class Network {
  #hiddenUnits;
  #inputWeights; // [pixel][hidden unit]: the many black pixels are then skipped a row at a time
  #hiddenBias;
  #outputWeights; // [class][hidden unit]
  #outputBias = new Float32Array(CLASS_COUNT);
  #hidden;
  #probabilities = new Float32Array(CLASS_COUNT);

  /** @param {{ hiddenUnits: number, random: () => number }} options `random` yields numbers from 0 to 1 */
  constructor({ hiddenUnits, random }) {
    // He et al. 2015 (arXiv 1502.01852): keeps the signal's size through a layer of ReLUs.
    const weights = (count, fanIn) =>
      Float32Array.from({ length: count }, () => (random() * 2 - 1) * Math.sqrt(6 / fanIn));
    this.#hiddenUnits = hiddenUnits;
    this.#inputWeights = weights(PIXELS_PER_DIGIT * hiddenUnits, PIXELS_PER_DIGIT);
    this.#outputWeights = weights(CLASS_COUNT * hiddenUnits, hiddenUnits);
    this.#hiddenBias = new Float32Array(hiddenUnits);
    this.#hidden = new Float32Array(hiddenUnits);
  }

  /** The digit that the pixels most likely show. */
  classify(pixels) {
    this.#forward(pixels);
    return this.#probabilities.indexOf(Math.max(...this.#probabilities));
  }

  /** One step of gradient descent; returns the cross-entropy before it. */
  learn({ pixels, label }, learningRate) {
    this.#forward(pixels);
    const loss = -Math.log(Math.max(this.#probabilities[label], 1e-12));

    const hiddenGradient = new Float32Array(this.#hiddenUnits);
    for (let k = 0; k < CLASS_COUNT; k++) {
      const gradient = this.#probabilities[k] - (k === label ? 1 : 0);
      const row = k * this.#hiddenUnits;
      for (let j = 0; j < this.#hiddenUnits; j++) {
        hiddenGradient[j] += gradient * this.#outputWeights[row + j];
        this.#outputWeights[row + j] -= learningRate * gradient * this.#hidden[j];
      }
      this.#outputBias[k] -= learningRate * gradient;
    }
    for (let j = 0; j < this.#hiddenUnits; j++) {
      if (this.#hidden[j] === 0) hiddenGradient[j] = 0;
      this.#hiddenBias[j] -= learningRate * hiddenGradient[j];
    }
    for (let i = 0; i < PIXELS_PER_DIGIT; i++) {
      if (pixels[i] === 0) continue;
      const step = learningRate * pixels[i];
      const row = i * this.#hiddenUnits;
      for (let j = 0; j < this.#hiddenUnits; j++) this.#inputWeights[row + j] -= step * hiddenGradient[j];
    }
    return loss;
  }

  #forward(pixels) {
    const hidden = this.#hidden;
    hidden.set(this.#hiddenBias);
    for (let i = 0; i < PIXELS_PER_DIGIT; i++) {
      const pixel = pixels[i];
      if (pixel === 0) continue;
      const row = i * this.#hiddenUnits;
      for (let j = 0; j < this.#hiddenUnits; j++) hidden[j] += pixel * this.#inputWeights[row + j];
    }
    for (let j = 0; j < this.#hiddenUnits; j++) if (hidden[j] < 0) hidden[j] = 0;

    const scores = this.#probabilities;
    for (let k = 0; k < CLASS_COUNT; k++) {
      let score = this.#outputBias[k];
      const row = k * this.#hiddenUnits;
      for (let j = 0; j < this.#hiddenUnits; j++) score += hidden[j] * this.#outputWeights[row + j];
      scores[k] = score;
    }
    // Less the largest score, so that exp() cannot overflow.
    const largest = Math.max(...scores);
    let sum = 0;
    for (let k = 0; k < CLASS_COUNT; k++) sum += scores[k] = Math.exp(scores[k] - largest);
    for (let k = 0; k < CLASS_COUNT; k++) scores[k] /= sum;
  }
}
