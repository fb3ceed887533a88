// The training recurrence and its backward pass as one compiled loop, with sequences side by side in vector lanes.
//
// A Row is one number of the recurrence for a group of sequences, one lane each. A hidden vector is d Rows, a matrix
// is an array of scalars that Rows are multiplied by: no gathers in the loop, and sums across lanes for weight
// gradients alone. The last group may be short: its idle lanes start from zeros, and no gradient ever enters them.
//
// Both models are this loop. FeedbackTransformer: one key and value per step, made of all layers mixed, read by later
// steps. CausalTransformer (`causal`): keys and values per layer, made of what queries are made of, and a query reads
// its own step too. The caller has folded the scale and shift of each norm, and 1 / sqrt(head width), into the matrix
// behind it. "of_x" is the gradient of x.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

namespace {

constexpr int BYTES = __BIGGEST_ALIGNMENT__;  // of a vector register: 64 with AVX-512, 32 with AVX, 16 elsewhere
constexpr int ACROSS = BYTES == 32 ? 4 : 8, DOWN = 3;  // outputs and inputs of a block of weight gradients
constexpr int BLOCK = 8;   // outputs of a product that are held in registers; slots that are pulled together
constexpr int CHUNK = 32;  // steps that weight gradients are made of at a time

struct Sizes {
  int64_t batch, steps, width, heads, head_width, gated, layers, memory_size, incoming, columns, returned, causal, keep;
};

template <class T> struct Tensors {
  T *flat, *embedded, *keys, *values, *bias, *shares, *tops, *keys_out, *values_out, *saved;
  T *of_flat, *of_embedded, *of_keys, *of_values, *of_bias, *of_shares, *of_tops, *of_keys_out, *of_values_out, *work;
};

template <class T> struct Arithmetic {
  typedef T Row __attribute__((vector_size(BYTES)));
  static constexpr int LANES = BYTES / sizeof(T);
  static constexpr bool SINGLE = sizeof(T) == 4;

  template <class Lanes> static T sum_of(Lanes lanes) {  // by halves, which are vectors again
    if constexpr (sizeof lanes == 2 * sizeof(T)) return lanes[0] + lanes[1];
    else {
      typedef T Half __attribute__((vector_size(sizeof lanes / 2)));
      Half halves[2];
      std::memcpy(halves, &lanes, sizeof lanes);
      return sum_of(halves[0] + halves[1]);
    }
  }

  template <int COUNT> static Row polynomial(const T (&coefficients)[COUNT], Row x) {
    Row result = coefficients[COUNT - 1] - Row{};
    for (int i = COUNT - 2; i >= 0; --i) result = result * x + coefficients[i];
    return result;
  }

  // exp(x) for x <= 0: 2^n exp(r) with |r| <= log(2) / 2. A large number added brings n into the lowest bits.
  static Row exponential(Row x) {
    typedef typename std::conditional<SINGLE, int32_t, int64_t>::type Integer;
    typedef Integer Bits __attribute__((vector_size(BYTES)));
    static const T taylor[] = {1., 1., 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040};
    static const T more[] = {1. / 40320, 1. / 362880, 1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800};
    const T shifter = SINGLE ? T(12582912) : T(6755399441055744), least = SINGLE ? -87 : -708;
    const T log2_high = SINGLE ? T(0.693359375) : T(0.693147180369123816490);
    const T log2_low = SINGLE ? T(-2.12194440054690583e-4) : T(1.90821492927058770e-10);
    x = x > least ? x : least - Row{};
    const Row shifted = x * T(1.44269504088896340736) + shifter, n = shifted - shifter;
    const Row rest = x - n * log2_high - n * log2_low;
    Row power = SINGLE ? Row{} : polynomial(more, rest);
    for (int i = 7; i >= 0; --i) power = power * rest + taylor[i];
    return (Row)((Bits)power + ((Bits)shifted << (SINGLE ? 23 : 52)));
  }

  // gelu(x) = x Phi(x), slope = Phi(x) + x phi(x). With z = |x| / sqrt(2): erfc(z) = exp(-z^2) P((z - 3) / (z + 3)),
  // where the polynomial P is fitted to 5e-9 in single and to 1e-16 in double precision.
  static void gelu_and_slope(Row x, Row& gelu, Row& slope) {
    static const T rough[] = {0.1790011556,   -0.3262335373,  0.2456025765,   -0.1501215403,   0.07170001014,
                              -0.02411372452, 0.004990606821, 0.001557669254, -0.0002054870015};
    static const T fine[] = {0.179001151181390002,    -0.326233560043037258,   0.245603801712306005,
                             -0.150115936500787776,   0.0716658371999571905,   -0.0243924993158764968,
                             0.00426913627561373719,  0.000707746300102324687, -0.000597061270957074957,
                             0.0000452578967182309613, 0.0000640547297526309096, -0.0000128803456292638932,
                             -8.00034899502030892e-6, 2.15999199926124999e-6,  1.37831310149970141e-6,
                             -1.79948144184958579e-7, -2.33224139716493427e-7, -4.34673156508511131e-8};
    const Row z = (x > 0 ? x : -x) * T(0.70710678118654752440), t = (z - 3) / (z + 3), bell = exponential(-z * z);
    const Row tail = bell * (SINGLE ? polynomial(rough, t) : polynomial(fine, t)) * T(0.5);
    const Row below = x > 0 ? 1 - tail : tail;
    gelu = x * below;
    slope = below + x * bell * T(0.39894228040143267794);
  }

  // normed = (x - mean) / deviation; returns 1 / deviation.
  static Row normalise(const Row* x, int width, Row* normed) {
    Row mean{}, variance{}, scale{};
    for (int i = 0; i < width; ++i) mean += x[i];
    mean /= T(width);
    for (int i = 0; i < width; ++i) normed[i] = x[i] - mean, variance += normed[i] * normed[i];
    for (int lane = 0; lane < LANES; ++lane) scale[lane] = 1 / std::sqrt(variance[lane] / width + T(1e-5));
    for (int i = 0; i < width; ++i) normed[i] *= scale;
    return scale;
  }

  // of_x += scale (given - mean(given) - normed mean(normed given)), where `given` is the gradient of normed.
  static void add_norm_gradient(const Row* given, const Row* normed, Row scale, int width, Row* of_x) {
    Row mean{}, along{};
    for (int i = 0; i < width; ++i) mean += given[i], along += given[i] * normed[i];
    mean /= T(width), along /= T(width);
    for (int i = 0; i < width; ++i) of_x[i] += scale * (given[i] - mean - normed[i] * along);
  }

  static void softmax(Row* scores, int count) {
    Row largest = scores[0], total{};
    for (int j = 1; j < count; ++j) largest = scores[j] > largest ? scores[j] : largest;
    for (int j = 0; j < count; ++j) total += scores[j] = exponential(scores[j] - largest);
    total = 1 / total;
    for (int j = 0; j < count; ++j) scores[j] *= total;
  }

  // of_score_j = weight_j (given_j - sum_i weight_i given_i), where `given` is the gradient of the weights.
  static void softmax_gradient(const Row* weights, Row* given, int count) {
    Row total{};
    for (int j = 0; j < count; ++j) total += weights[j] * given[j];
    for (int j = 0; j < count; ++j) given[j] = weights[j] * (given[j] - total);
  }

  // out[j] = start[j] + sum_e query[e] slots[j][e]: a query against `count` slots.
  static void compare(const Row* query, const Row* slots, int64_t stride, int count, int width, const T* start,
                      Row* out) {
    for (int first = 0; first < count; first += BLOCK) {
      Row sum[BLOCK];
      const Row* slot[BLOCK];
      for (int k = 0; k < BLOCK; ++k) {
        const int j = std::min(first + k, count - 1);
        sum[k] = (start ? start[j] : 0) - Row{};
        slot[k] = slots + j * stride;
      }
      for (int e = 0; e < width; ++e)
        for (int k = 0; k < BLOCK; ++k) sum[k] += query[e] * slot[k][e];
      for (int k = 0; k < BLOCK; ++k)
        if (first + k < count) out[first + k] = sum[k];
    }
  }

  // out[e] += sum_i weights[i] vectors[i][e]: a mixture of `count` vectors. A block that is not full reads on into what
  // follows (all memory ends with BLOCK spare Rows) and drops what comes of it. So do weight gradients below.
  static void mix(const Row* weights, int64_t weight_stride, const Row* vectors, int64_t stride, int count, Row* out,
                  int width) {
    for (int start = 0; start < width; start += BLOCK) {
      Row sum[BLOCK];
      for (int k = 0; k < BLOCK; ++k) sum[k] = start + k < width ? out[start + k] : Row{};
      for (int i = 0; i < count; ++i)
        for (int k = 0; k < BLOCK; ++k) sum[k] += weights[i * weight_stride] * vectors[i * stride + start + k];
      for (int k = 0; k < BLOCK; ++k)
        if (start + k < width) out[start + k] = sum[k];
    }
  }
};

// y = matrix x + bias. The weights lie flat, a matrix (outputs by inputs) and then its bias. For products they are
// packed, as they are and transposed: for each block of outputs and each input, the weights of the block.
template <class T> struct Linear : Arithmetic<T> {
  using typename Arithmetic<T>::Row;
  int to, from;
  int64_t place;
  std::vector<T> packed, transposed, bias;

  Linear(const T* flat, int64_t& next, int to, int from, bool has_bias) : to(to), from(from), place(next) {
    const T* matrix = flat + next;
    for (int o = 0; o < to; o += BLOCK)
      for (int i = 0; i < from; ++i)
        for (int k = o; k < o + BLOCK; ++k) packed.push_back(k < to ? matrix[k * from + i] : 0);
    for (int i = 0; i < from; i += BLOCK)
      for (int o = 0; o < to; ++o)
        for (int k = i; k < i + BLOCK; ++k) transposed.push_back(k < from ? matrix[o * from + k] : 0);
    if (has_bias) bias.assign(matrix + to * from, matrix + to * from + to);
    next += to * from + bias.size();
  }
  void apply(const Row* x, Row* y, const Row* residual = nullptr) const {
    product(packed.data(), x, from, y, to, bias.empty() ? nullptr : bias.data(), residual);
  }
  void apply_transposed(const Row* y, Row* x) const { product(transposed.data(), y, to, x, from, nullptr, nullptr); }

  static void product(const T* weights, const Row* x, int from, Row* y, int to, const T* bias, const Row* residual) {
    for (int start = 0; start < to; start += BLOCK, weights += from * BLOCK) {
      Row sum[BLOCK];
      for (int k = 0; k < BLOCK; ++k) {
        sum[k] = residual && start + k < to ? residual[start + k] : Row{};
        if (bias && start + k < to) sum[k] += bias[start + k];
      }
      for (int i = 0; i < from; ++i)
        for (int k = 0; k < BLOCK; ++k) sum[k] += weights[i * BLOCK + k] * x[i];
      for (int k = 0; k < BLOCK; ++k)
        if (start + k < to) y[start + k] = sum[k];
    }
  }

  // of_matrix[o][i] += sum over steps and lanes of of_y[o] x[i], of_bias[o] += sum over steps and lanes of of_y[o].
  void add_gradient(const Row* of_y, int64_t y_stride, const Row* x, int64_t x_stride, int steps, T* of_flat) const {
    T* gradient = of_flat + place;
    for (int o = 0; o < to; o += ACROSS)
      for (int i = 0; i < from; i += DOWN) {
        Row sum[ACROSS][DOWN] = {};
        for (int step = 0; step < steps; ++step) {
          const Row *left = of_y + step * y_stride + o, *right = x + step * x_stride + i;
          for (int a = 0; a < ACROSS; ++a)
            for (int b = 0; b < DOWN; ++b) sum[a][b] += left[a] * right[b];
        }
        for (int a = 0; a < ACROSS; ++a)
          for (int b = 0; b < DOWN; ++b)
            if (o + a < to && i + b < from) gradient[(o + a) * from + i + b] += this->sum_of(sum[a][b]);
      }
    for (size_t o = 0; o < bias.size(); ++o) {
      Row sum{};
      for (int step = 0; step < steps; ++step) sum += of_y[step * y_stride + o];
      gradient[to * from + o] += this->sum_of(sum);
    }
  }
};

template <class T> struct Layer {
  Linear<T> inputs, output, widen, narrow;  // `inputs` makes queries, and in the ordinary model keys and values too
  Layer(const Sizes& s, const T* flat, int64_t& next)
      : inputs(flat, next, s.heads * s.head_width * (s.causal ? 3 : 1), s.width, true),
        output(flat, next, s.width, s.heads * s.head_width, true), widen(flat, next, 2 * s.gated, s.width, true),
        narrow(flat, next, s.width, s.gated, true) {}
};

// The model, for one group of sequences at a time.
template <class T> struct Model : Arithmetic<T> {
  using typename Arithmetic<T>::Row;
  using Arithmetic<T>::LANES;
  const Sizes s;
  const Tensors<T> tensors;
  const int d = s.width, inner = s.heads * s.head_width, gated = s.gated, own = s.causal ? 3 : 1, e = s.head_width;
  const int64_t row = s.heads * s.columns, slots = s.causal ? 0 : s.incoming + s.steps, slot_size = 2 * inner;
  std::vector<Layer<T>> layers;
  std::vector<Linear<T>> to_memory;  // one in the feedback model, none in the ordinary one
  int64_t first = 0;                 // the group's first sequence
  Row *saved = (Row*)tensors.saved, *work = (Row*)tensors.work;

  // What the forward pass leaves behind: all slots, keys and then values; then a record per step: per layer a part with
  // its input; normed, with its scale; queries (keys, values); attention weights by age; what was read; normed again,
  // with its scale; value and gate. Behind the layers, the top and the memory vector. Odd strides spare the cache.
  const int64_t normed = d, scale = normed + d, queries = scale + 1, attention = queries + own * inner,
                read = attention + row, normed_again = read + inner, scale_again = normed_again + d,
                wide = scale_again + 1, part = wide + 2 * gated;
  const int64_t top = part * s.layers, mixture = top + d, record = (mixture + d) | 1;
  const int64_t saved_size = slots * slot_size + s.steps * record;

  // What the backward pass works on: gradients of slots, of the residual stream per step, of scores and of what was
  // read per layer and step, of the bias, of the shares; for a chunk of steps, all left factors of weight gradients.
  const int64_t of_stream = (s.causal ? s.layers * s.steps : slots) * slot_size, of_scores = of_stream + s.steps * d,
                of_reads = of_scores + s.layers * s.steps * row, of_bias = of_reads + s.layers * s.steps * inner,
                of_shares = of_bias + row, chunk = of_shares + s.layers + 1;
  const int64_t of_output = own * inner, of_wide = of_output + d, of_narrow = of_wide + 2 * gated,
                product = of_narrow + d, chunk_part = (product + gated) | 1;
  const int64_t work_size = chunk + s.layers * CHUNK * chunk_part;

  Model(const Sizes& s, const Tensors<T>& tensors) : s(s), tensors(tensors) {
    int64_t next = 0;
    for (int l = 0; l < s.layers && tensors.flat; ++l) layers.emplace_back(s, tensors.flat, next);
    if (!s.causal && tensors.flat) to_memory.emplace_back(tensors.flat, next, slot_size, d, false);
  }

  // A query of step t sees `window(t)` slots, the newest last; in a row by age its weights are the last ones.
  int window(int64_t t) const { return s.causal ? t + 1 : std::min(s.incoming + t, s.memory_size); }
  Row* step(int64_t t) const { return saved + slots * slot_size + t * record; }
  Row* first_key(int64_t t, int l) const {
    return s.causal ? step(0) + l * part + queries + inner : saved + (s.incoming + t - window(t)) * slot_size;
  }
  int64_t slot_stride() const { return s.causal ? record : slot_size; }
  Row* scores_of(int64_t t, int l) const { return work + of_scores + (l * s.steps + t) * row; }
  Row* reads_of(int64_t t, int l) const { return work + of_reads + (l * s.steps + t) * inner; }
  Row* chunk_of(int64_t t, int l) const { return work + chunk + (l * CHUNK + t % CHUNK) * chunk_part; }

  // Between a tensor with sequences in front and Rows, one way or the other; idle lanes are zero.
  void spread(const T* tensor, int64_t vectors, int width, Row* rows, int64_t stride) const {
    for (int64_t lane = 0, n = first; lane < LANES; ++lane, ++n)
      for (int64_t v = 0; v < vectors; ++v)
        for (int i = 0; i < width; ++i)
          rows[v * stride + i][lane] = n < s.batch ? tensor[(n * vectors + v) * width + i] : 0;
  }
  void gather(const Row* rows, int64_t stride, int64_t vectors, int width, T* tensor) const {
    for (int64_t lane = 0, n = first; lane < LANES && n < s.batch; ++lane, ++n)
      for (int64_t v = 0; v < vectors; ++v)
        for (int i = 0; i < width; ++i) tensor[(n * vectors + v) * width + i] = rows[v * stride + i][lane];
  }

  void forward() const {
    spread(tensors.keys, s.incoming, inner, saved, slot_size);
    spread(tensors.values, s.incoming, inner, saved + inner, slot_size);
    spread(tensors.embedded, s.steps, d, step(0), record);
    std::vector<Row> middle(d), product(gated);
    for (int64_t t = 0; t < s.steps; ++t) {
      Row* now = step(t);
      for (int l = 0; l < s.layers; ++l) {
        Row* at = now + l * part;
        at[scale] = this->normalise(at, d, at + normed);
        layers[l].inputs.apply(at + normed, at + queries);
        std::fill_n(at + read, inner, Row{});
        std::copy_n(at, d, middle.data());
        if (window(t)) {  // without any slot attention adds nothing, its bias included
          attend(t, l);
          layers[l].output.apply(at + read, middle.data(), at);
        }
        at[scale_again] = this->normalise(middle.data(), d, at + normed_again);
        layers[l].widen.apply(at + normed_again, at + wide);
        for (int i = 0; i < gated; ++i) {
          Row gelu, slope;
          this->gelu_and_slope(at[wide + gated + i], gelu, slope);
          product[i] = at[wide + i] * gelu;
        }
        layers[l].narrow.apply(product.data(), at + part, middle.data());
      }
      if (s.causal) continue;
      std::fill_n(now + mixture, d, Row{});
      for (int l = 0; l <= s.layers; ++l)
        for (int i = 0; i < d; ++i) now[mixture + i] += tensors.shares[l] * now[l * part + i];
      to_memory[0].apply(now + mixture, saved + (s.incoming + t) * slot_size);
    }
    gather(step(0) + top, record, s.steps, d, tensors.tops);
    gather(saved + (slots - s.returned) * slot_size, slot_size, s.returned, inner, tensors.keys_out);
    gather(saved + (slots - s.returned) * slot_size + inner, slot_size, s.returned, inner, tensors.values_out);
  }

  void attend(int64_t t, int l) const {
    Row* at = step(t) + l * part;
    for (int h = 0, count = window(t); h < s.heads; ++h) {
      const int64_t oldest = (h + 1) * s.columns - count;
      const Row* keys = first_key(t, l) + h * e;
      Row* weights = at + attention + oldest;
      this->compare(at + queries + h * e, keys, slot_stride(), count, e, tensors.bias + oldest, weights);
      this->softmax(weights, count);
      this->mix(weights, 1, keys + inner, slot_stride(), count, at + read + h * e, e);
    }
  }

  void backward() const {
    std::fill_n(work, of_stream, Row{});
    std::fill_n(work + of_bias, row + s.layers + 1, Row{});
    Row* left = work + (slots - s.returned) * slot_size;
    if (tensors.of_keys_out) spread(tensors.of_keys_out, s.returned, inner, left, slot_size);
    if (tensors.of_values_out) spread(tensors.of_values_out, s.returned, inner, left + inner, slot_size);
    spread(tensors.of_tops, s.steps, d, work + of_stream, d);
    std::vector<Row> of_mixture(d);
    for (int64_t t = s.steps - 1; t >= 0; --t) {
      Row* stream = work + of_stream + t * d;
      if (!s.causal) {
        pull(s.incoming + t, 0, s.layers, work + (s.incoming + t) * slot_size);
        to_memory[0].apply_transposed(work + (s.incoming + t) * slot_size, of_mixture.data());
      }
      for (int l = s.layers; l >= 0; --l) {
        if (l < s.layers) backward(t, l, stream);
        for (int i = 0; i < d && !s.causal; ++i) {  // what the memory vector hands back to layer l
          stream[i] += tensors.shares[l] * of_mixture[i];
          work[of_shares + l] += of_mixture[i] * step(t)[l * part + i];
        }
      }
      if (t % CHUNK == 0) add_weight_gradients(t, std::min<int64_t>(CHUNK, s.steps - t));
    }
    for (int64_t slot = s.incoming - 1; slot >= 0; --slot) pull(slot, 0, s.layers, work + slot * slot_size);
    for (const Linear<T>& linear : to_memory)
      linear.add_gradient(work + s.incoming * slot_size, slot_size, step(0) + mixture, record, s.steps,
                          tensors.of_flat);
    gather(work + of_stream, d, s.steps, d, tensors.of_embedded);
    gather(work, slot_size, s.incoming, inner, tensors.of_keys);
    gather(work + inner, slot_size, s.incoming, inner, tensors.of_values);
    for (int64_t i = 0; i < row; ++i) tensors.of_bias[i] += this->sum_of(work[of_bias + i]);
    for (int l = 0; l <= s.layers && !s.causal; ++l) tensors.of_shares[l] += this->sum_of(work[of_shares + l]);
  }

  // One layer at one step: `stream` comes as the gradient of its output and leaves as that of its input.
  void backward(int64_t t, int l, Row* stream) const {
    std::vector<Row> back(d);
    const Row* at = step(t) + l * part;
    Row* of = chunk_of(t, l);
    std::copy_n(stream, d, of + of_narrow);
    layers[l].narrow.apply_transposed(stream, of + product);
    for (int i = 0; i < gated; ++i) {
      Row given = of[product + i], value = at[wide + i], gelu, slope;
      this->gelu_and_slope(at[wide + gated + i], gelu, slope);
      of[product + i] = value * gelu;
      of[of_wide + i] = given * gelu;
      of[of_wide + gated + i] = given * value * slope;
    }
    layers[l].widen.apply_transposed(of + of_wide, back.data());
    this->add_norm_gradient(back.data(), at + normed_again, at[scale_again], d, stream);
    std::fill_n(of, of_wide, Row{});
    if (!window(t)) return;
    std::copy_n(stream, d, of + of_output);
    layers[l].output.apply_transposed(stream, reads_of(t, l));
    attend_backward(t, l, of);
    if (s.causal) {
      Row* of_slot = work + (l * s.steps + t) * slot_size;
      pull(t, l, l + 1, of_slot);
      std::copy_n(of_slot, slot_size, of + inner);
    }
    layers[l].inputs.apply_transposed(of, back.data());
    this->add_norm_gradient(back.data(), at + normed, at[scale], d, stream);
  }

  void attend_backward(int64_t t, int l, Row* of_queries) const {
    for (int h = 0, count = window(t); h < s.heads; ++h) {
      const int64_t oldest = (h + 1) * s.columns - count;
      const Row* keys = first_key(t, l) + h * e;
      Row* scores = scores_of(t, l) + oldest;
      this->compare(reads_of(t, l) + h * e, keys + inner, slot_stride(), count, e, nullptr, scores);
      this->softmax_gradient(step(t) + l * part + attention + oldest, scores, count);
      for (int j = 0; j < count; ++j) work[of_bias + oldest + j] += scores[j];
      this->mix(scores, 1, keys, slot_stride(), count, of_queries + h * e, e);
    }
  }

  // The gradient of a slot's key and value: what the queries of later steps that read it hand back. So that queries are
  // fetched once for BLOCK slots, the newest slot of a block collects for all of them from the steps behind the block,
  // and a slot's own turn collects from the steps within. `out` is of `slot`; those of older slots lie before it.
  void pull(int64_t slot, int first_layer, int last_layer, Row* out) const {
    const int64_t newest = std::min(slot | (BLOCK - 1), s.incoming + s.steps - 1), oldest = slot & -BLOCK;
    for (int l = first_layer; l < last_layer; ++l)
      for (int h = 0; h < s.heads; ++h) {
        for (int64_t each = slot; slot == newest && each >= oldest; --each)
          pull(each, newest + 1, s.incoming + s.steps, l, h, out - (slot - each) * slot_size);
        pull(slot, slot + !s.causal, newest + 1, l, h, out);
      }
  }

  // From queries at the places `begin` to `end`. A step later the slot is one older, hence the strides less one.
  void pull(int64_t slot, int64_t begin, int64_t end, int l, int h, Row* out) const {
    begin = std::max(begin - s.incoming, int64_t(0)), slot -= s.incoming;
    end = std::min(end - s.incoming, s.causal ? s.steps : slot + s.memory_size + 1);
    if (begin >= end) return;
    const int64_t age = (h + 1) * s.columns - (begin - slot) - s.causal;
    const Row* at = step(begin) + l * part;
    this->mix(scores_of(begin, l) + age, row - 1, at + queries + h * e, record, end - begin, out + h * e, e);
    out += inner;
    this->mix(at + attention + age, record - 1, reads_of(begin, l) + h * e, inner, end - begin, out + h * e, e);
  }

  void add_weight_gradients(int64_t t, int steps) const {
    for (int l = 0; l < s.layers; ++l) {
      const Row *of = chunk_of(t, l), *at = step(t) + l * part;
      layers[l].inputs.add_gradient(of, chunk_part, at + normed, record, steps, tensors.of_flat);
      layers[l].output.add_gradient(of + of_output, chunk_part, at + read, record, steps, tensors.of_flat);
      layers[l].widen.add_gradient(of + of_wide, chunk_part, at + normed_again, record, steps, tensors.of_flat);
      layers[l].narrow.add_gradient(of + of_narrow, chunk_part, of + product, chunk_part, steps, tensors.of_flat);
    }
  }
};

template <class T> void run(const Sizes& sizes, const Tensors<T>& tensors, bool backward) {
  Model<T> model(sizes, tensors);
  for (; model.first < sizes.batch; model.first += model.LANES, model.saved += sizes.keep ? model.saved_size : 0)
    backward ? model.backward() : model.forward();
}

template <class T> void measure(const Sizes& sizes, int64_t* result) {  // how many numbers `saved` and `work` hold
  const Model<T> model(sizes, Tensors<T>{});
  const int64_t groups = sizes.keep ? (sizes.batch + model.LANES - 1) / model.LANES : 1;
  result[0] = (groups * model.saved_size + BLOCK) * model.LANES;
  result[1] = (model.work_size + BLOCK) * model.LANES;
}

}  // namespace

#define FUNCTIONS(T, NAME)                                                                                         \
  extern "C" void measure_##NAME(const Sizes* sizes, int64_t* result) { measure<T>(*sizes, result); }              \
  extern "C" void forward_##NAME(const Sizes* sizes, const Tensors<T>* tensors) { run(*sizes, *tensors, false); }  \
  extern "C" void backward_##NAME(const Sizes* sizes, const Tensors<T>* tensors) { run(*sizes, *tensors, true); }
FUNCTIONS(float, float32)
FUNCTIONS(double, float64)
