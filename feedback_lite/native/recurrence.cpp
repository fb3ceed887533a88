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

#define INLINE inline __attribute__((always_inline))

namespace {

#if defined(__AVX512F__)  // 32 registers of 64 bytes
constexpr int BYTES = 64, PARTS = 2, ACROSS = 8, DOWN = 3;
#elif defined(__AVX__)  // 16 registers of 32 bytes
constexpr int BYTES = 32, PARTS = 1, ACROSS = 4, DOWN = 3;
#else  // 16 bytes; 32 registers on ARM
constexpr int BYTES = 16, PARTS = 2, ACROSS = 8, DOWN = 3;
#endif
constexpr int BLOCK = 8;   // outputs of a product that are held in registers; slots that are pulled together
constexpr int CHUNK = 32;  // steps that weight gradients are made of at a time

template <class T> struct Row {
  typedef T Part __attribute__((vector_size(BYTES)));
  static constexpr int LANES = PARTS * BYTES / sizeof(T);
  Part part[PARTS];

  Row() = default;
  INLINE Row(T number) { for (Part& each : part) each = number - Part{}; }
  T& operator[](int lane) { return reinterpret_cast<T*>(part)[lane]; }
  T operator[](int lane) const { return reinterpret_cast<const T*>(part)[lane]; }
#define OPERATION(NAME, EXPRESSION)                                                        \
  friend INLINE Row NAME(const Row& left, const Row& right) {                              \
    Row result;                                                                            \
    for (int p = 0; p < PARTS; ++p) {                                                      \
      const Part &a = left.part[p], &b = right.part[p];                                    \
      result.part[p] = EXPRESSION;                                                         \
    }                                                                                      \
    return result;                                                                         \
  }
  OPERATION(operator+, a + b)
  OPERATION(operator-, a - b)
  OPERATION(operator*, a * b)
  OPERATION(operator/, a / b)
  OPERATION(maximum, a > b ? a : b)
  friend INLINE void add_product(Row& sum, const Row& left, const Row& right) {
    for (int p = 0; p < PARTS; ++p) sum.part[p] += left.part[p] * right.part[p];
  }
};

template <class T, class Lanes> INLINE T sum_of(Lanes lanes) {  // of a Row or of a part of it, by halves
  if constexpr (sizeof lanes == 2 * sizeof(T)) return lanes[0] + lanes[1];
  else {
    typedef T Half __attribute__((vector_size(sizeof lanes / 2)));
    Half halves[2];
    std::memcpy(halves, &lanes, sizeof lanes);
    return sum_of<T>(halves[0] + halves[1]);
  }
}

template <class T, int COUNT> INLINE Row<T> polynomial(const T (&coefficients)[COUNT], const Row<T>& x) {
  Row<T> result(coefficients[COUNT - 1]);
  for (int i = COUNT - 2; i >= 0; --i) result = result * x + coefficients[i];
  return result;
}

// exp(x) for x <= 0: 2^n exp(r) with |r| <= log(2) / 2. A large number added brings n into the lowest bits.
template <class T> INLINE Row<T> exponential(Row<T> x) {
  constexpr bool single = sizeof(T) == 4;
  typedef typename std::conditional<single, int32_t, int64_t>::type Integer;
  typedef Integer Bits __attribute__((vector_size(BYTES)));
  static const T taylor[] = {1., 1., 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040};
  static const T more[] = {1. / 40320, 1. / 362880, 1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800};
  const T shifter = single ? T(12582912) : T(6755399441055744);
  const T log2_high = single ? T(0.693359375) : T(0.693147180369123816490);
  const T log2_low = single ? T(-2.12194440054690583e-4) : T(1.90821492927058770e-10);
  x = maximum(x, T(single ? -87 : -708));
  Row<T> shifted = x * T(1.44269504088896340736) + shifter, n = shifted - shifter;
  Row<T> rest = x - n * log2_high - n * log2_low, power(0);
  if (!single) power = polynomial(more, rest);
  for (int i = 7; i >= 0; --i) power = power * rest + taylor[i];
  for (int p = 0; p < PARTS; ++p)
    power.part[p] = (typename Row<T>::Part)((Bits)power.part[p] + ((Bits)shifted.part[p] << (single ? 23 : 52)));
  return power;
}

// gelu(x) = x Phi(x), and its slope Phi(x) + x phi(x). With z = |x| / sqrt(2): erfc(z) = exp(-z^2) P((z - 3) / (z + 3)),
// where the polynomial P is fitted to 5e-9 in single and to 1e-16 in double precision.
template <class T> INLINE void gelu_and_slope(const Row<T> x, Row<T>& gelu, Row<T>& slope) {
  static const T rough[] = {0.1790011556,   -0.3262335373,  0.2456025765,   -0.1501215403,   0.07170001014,
                            -0.02411372452, 0.004990606821, 0.001557669254, -0.0002054870015};
  static const T fine[] = {0.179001151181390002,     -0.326233560043037258,    0.245603801712306005,
                           -0.150115936500787776,    0.0716658371999571905,    -0.0243924993158764968,
                           0.00426913627561373719,   0.000707746300102324687,  -0.000597061270957074957,
                           0.0000452578967182309613, 0.0000640547297526309096, -0.0000128803456292638932,
                           -8.00034899502030892e-6,  2.15999199926124999e-6,   1.37831310149970141e-6,
                           -1.79948144184958579e-7,  -2.33224139716493427e-7,  -4.34673156508511131e-8};
  Row<T> z = maximum(x, T(0) - x) * T(0.70710678118654752440), t = (z - T(3)) / (z + T(3));
  Row<T> bell = exponential<T>(T(0) - z * z), below;
  Row<T> tail = bell * (sizeof(T) == 4 ? polynomial(rough, t) : polynomial(fine, t)) * T(0.5);
  for (int p = 0; p < PARTS; ++p) below.part[p] = x.part[p] > T(0) ? T(1) - tail.part[p] : tail.part[p];
  gelu = x * below;
  slope = below + x * bell * T(0.39894228040143267794);
}

// out[j] = start[j] + sum_e query[e] slots[j][e]: a query against `count` slots.
template <class T> void compare(const Row<T>* query, const Row<T>* slots, int64_t stride, int count, int width, const T* start,
             Row<T>* out) {
  for (int first = 0; first < count; first += BLOCK) {
    Row<T> sum[BLOCK];
    const Row<T>* slot[BLOCK];
    for (int k = 0; k < BLOCK; ++k) {
      int j = std::min(first + k, count - 1);
      sum[k] = Row<T>(start ? start[j] : T(0));
      slot[k] = slots + j * stride;
    }
    for (int e = 0; e < width; ++e)
      for (int k = 0; k < BLOCK; ++k) add_product(sum[k], query[e], slot[k][e]);
    for (int k = 0; k < BLOCK; ++k)
      if (first + k < count) out[first + k] = sum[k];
  }
}

// out[e] += sum_i weights[i] vectors[i][e]: a mixture of `count` vectors. A block that is not full reads on into what
// follows (all memory ends with BLOCK spare Rows) and drops what comes of it. So do weight gradients below.
template <class T> void mix(const Row<T>* weights, int64_t weight_stride, const Row<T>* vectors, int64_t stride, int count, Row<T>* out,
         int width) {
  for (int start = 0; start < width; start += BLOCK) {
    Row<T> sum[BLOCK];
    for (int k = 0; k < BLOCK; ++k) sum[k] = start + k < width ? out[start + k] : Row<T>(0);
    for (int i = 0; i < count; ++i)
      for (int k = 0; k < BLOCK; ++k) add_product(sum[k], weights[i * weight_stride], vectors[i * stride + start + k]);
    for (int k = 0; k < BLOCK; ++k)
      if (start + k < width) out[start + k] = sum[k];
  }
}

// normed = (x - mean) / deviation; returns 1 / deviation.
template <class T> Row<T> normalise(const Row<T>* x, int width, Row<T>* normed) {
  Row<T> mean(0), variance(0), scale;
  for (int i = 0; i < width; ++i) mean = mean + x[i];
  mean = mean * (T(1) / width);
  for (int i = 0; i < width; ++i) normed[i] = x[i] - mean, add_product(variance, normed[i], normed[i]);
  for (int lane = 0; lane < Row<T>::LANES; ++lane) scale[lane] = 1 / std::sqrt(variance[lane] / width + T(1e-5));
  for (int i = 0; i < width; ++i) normed[i] = normed[i] * scale;
  return scale;
}

// of_x += scale (given - mean(given) - normed mean(normed given)), where `given` is the gradient of normed.
template <class T> void add_norm_gradient(const Row<T>* given, const Row<T>* normed, const Row<T>& scale, int width, Row<T>* of_x) {
  Row<T> mean(0), along(0);
  for (int i = 0; i < width; ++i) mean = mean + given[i], add_product(along, given[i], normed[i]);
  mean = mean * (T(1) / width), along = along * (T(1) / width);
  for (int i = 0; i < width; ++i) add_product(of_x[i], scale, given[i] - mean - normed[i] * along);
}

template <class T> void softmax(Row<T>* scores, int count) {
  Row<T> largest = scores[0], total(0);
  for (int j = 1; j < count; ++j) largest = maximum(largest, scores[j]);
  for (int j = 0; j < count; ++j) total = total + (scores[j] = exponential(scores[j] - largest));
  const Row<T> scale = T(1) / total;
  for (int j = 0; j < count; ++j) scores[j] = scores[j] * scale;
}

// of_score_j = weight_j (given_j - sum_i weight_i given_i), where `given` is the gradient of the weights.
template <class T> void softmax_gradient(const Row<T>* weights, Row<T>* given, int count) {
  Row<T> total(0);
  for (int j = 0; j < count; ++j) add_product(total, weights[j], given[j]);
  for (int j = 0; j < count; ++j) given[j] = weights[j] * (given[j] - total);
}

// y = matrix x + bias. The weights lie flat, a matrix (outputs by inputs) and then its bias. For products they are
// packed, as they are and transposed: for each block of outputs and each input, the weights of the block.
template <class T> struct Linear {
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
  void apply(const Row<T>* x, Row<T>* y, const Row<T>* residual = nullptr) const {
    product(packed.data(), x, from, y, to, bias.empty() ? nullptr : bias.data(), residual);
  }
  void apply_transposed(const Row<T>* y, Row<T>* x) const { product(transposed.data(), y, to, x, from); }

  static void product(const T* weights, const Row<T>* x, int from, Row<T>* y, int to, const T* bias = nullptr,
                      const Row<T>* residual = nullptr) {
    for (int start = 0; start < to; start += BLOCK, weights += from * BLOCK) {
      Row<T> sum[BLOCK];
      for (int k = 0; k < BLOCK; ++k) {
        sum[k] = residual && start + k < to ? residual[start + k] : Row<T>(0);
        if (bias && start + k < to) sum[k] = sum[k] + bias[start + k];
      }
      for (int i = 0; i < from; ++i)
        for (int k = 0; k < BLOCK; ++k) add_product(sum[k], weights[i * BLOCK + k], x[i]);
      for (int k = 0; k < BLOCK; ++k)
        if (start + k < to) y[start + k] = sum[k];
    }
  }

  // of_matrix[o][i] += sum over steps and lanes of of_y[o] x[i], of_bias[o] += sum over steps and lanes of of_y[o].
  void add_gradient(const Row<T>* of_y, int64_t y_stride, const Row<T>* x, int64_t x_stride, int steps,
                    T* of_flat) const {
    typedef typename Row<T>::Part Part;
    T* gradient = of_flat + place;
    for (int o = 0; o < to; o += ACROSS)
      for (int i = 0; i < from; i += DOWN) {
        Part sum[ACROSS][DOWN] = {};
        for (int step = 0; step < steps; ++step) {
          const Row<T>*left = of_y + step * y_stride + o, *right = x + step * x_stride + i;
          for (int p = 0; p < PARTS; ++p)
            for (int a = 0; a < ACROSS; ++a)
              for (int b = 0; b < DOWN; ++b) sum[a][b] += left[a].part[p] * right[b].part[p];
        }
        for (int a = 0; a < ACROSS; ++a)
          for (int b = 0; b < DOWN; ++b)
            if (o + a < to && i + b < from)
              gradient[(o + a) * from + i + b] += sum_of<T>(sum[a][b]);
      }
    for (size_t o = 0; o < bias.size(); ++o) {
      Row<T> sum(0);
      for (int step = 0; step < steps; ++step) sum = sum + of_y[step * y_stride + o];
      gradient[to * from + o] += sum_of<T>(sum);
    }
  }
};

struct Sizes {
  int64_t batch, steps, width, heads, head_width, gated, layers, memory_size, incoming, columns, returned, causal, keep;
};

template <class T> struct Tensors {
  T *flat, *embedded, *keys, *values, *bias, *shares, *tops, *keys_out, *values_out, *saved;
  T *of_flat, *of_embedded, *of_keys, *of_values, *of_bias, *of_shares, *of_tops, *of_keys_out, *of_values_out, *work;
};

template <class T> struct Layer {
  Linear<T> inputs, output, widen, narrow;  // `inputs` makes queries, and in the ordinary model keys and values too
  Layer(const Sizes& s, const T* flat, int64_t& next)
      : inputs(flat, next, s.heads * s.head_width * (s.causal ? 3 : 1), s.width, true),
        output(flat, next, s.width, s.heads * s.head_width, true), widen(flat, next, 2 * s.gated, s.width, true),
        narrow(flat, next, s.width, s.gated, true) {}
};

// The model, for one group of sequences at a time.
template <class T> struct Model {
  const Sizes s;
  const Tensors<T> tensors;
  const int d = s.width, inner = s.heads * s.head_width, gated = s.gated, own = s.causal ? 3 : 1;
  const int64_t row = s.heads * s.columns, slots = s.causal ? 0 : s.incoming + s.steps;
  std::vector<Layer<T>> layers;
  std::vector<Linear<T>> to_memory;  // one in the feedback model, none in the ordinary one
  int64_t first = 0;                 // the group's first sequence
  Row<T>*saved, *work;

  // What the forward pass leaves behind: all slots, keys and then values; then a record per step: per layer a part with
  // its input; normed, with its scale; queries (keys, values); attention weights by age; what was read; normed again,
  // with its scale; value and gate. Behind the layers, the top and the memory vector. Odd strides spare the cache.
  const int64_t normed = d, scale = normed + d, queries = scale + 1, attention = queries + own * inner,
                read = attention + row, normed_again = read + inner, scale_again = normed_again + d,
                wide = scale_again + 1, part = wide + 2 * gated;
  const int64_t top = part * s.layers, mixture = top + d, record = (mixture + d) | 1;
  const int64_t saved_size = slots * 2 * inner + s.steps * record;

  // What the backward pass works on: gradients of slots, of the residual stream per step, of scores and of what was read
  // per layer and step, of the bias, and of the shares; for a chunk of steps, all left factors of weight gradients.
  const int64_t of_slots = (s.causal ? s.layers * s.steps : slots) * 2 * inner, of_stream = of_slots, of_scores = of_stream + s.steps * d,
                of_reads = of_scores + s.layers * s.steps * row, of_bias = of_reads + s.layers * s.steps * inner,
                of_shares = of_bias + row, chunk = of_shares + s.layers + 1;
  const int64_t of_output = own * inner, of_wide = of_output + d, of_narrow = of_wide + 2 * gated,
                product = of_narrow + d, chunk_part = (product + gated) | 1;
  const int64_t work_size = chunk + s.layers * CHUNK * chunk_part;

  Model(const Sizes& s, const Tensors<T>& tensors) : s(s), tensors(tensors) {
    saved = reinterpret_cast<Row<T>*>(tensors.saved), work = reinterpret_cast<Row<T>*>(tensors.work);
    int64_t next = 0;
    for (int l = 0; l < s.layers && tensors.flat; ++l) layers.emplace_back(s, tensors.flat, next);
    if (!s.causal && tensors.flat) to_memory.emplace_back(tensors.flat, next, 2 * inner, d, false);
  }

  // A query of step t sees `window(t)` slots, the newest last; in a row by age its weights are the last ones.
  int window(int64_t t) const { return s.causal ? t + 1 : std::min(s.incoming + t, s.memory_size); }
  Row<T>* step(int64_t t) const { return saved + slots * 2 * inner + t * record; }
  Row<T>* first_key(int64_t t, int l) const {
    return s.causal ? step(0) + l * part + queries + inner : saved + (s.incoming + t - window(t)) * 2 * inner;
  }
  int64_t slot_stride() const { return s.causal ? record : 2 * inner; }
  Row<T>* scores_of(int64_t t, int l) const { return work + of_scores + (l * s.steps + t) * row; }
  Row<T>* reads_of(int64_t t, int l) const { return work + of_reads + (l * s.steps + t) * inner; }
  Row<T>* chunk_of(int64_t t, int l) const { return work + chunk + (l * CHUNK + t % CHUNK) * chunk_part; }

  // Between a tensor with sequences in front and Rows, one way or the other; idle lanes are zero.
  void spread(const T* tensor, int64_t vectors, int width, Row<T>* rows, int64_t stride) const {
    for (int lane = 0; lane < Row<T>::LANES; ++lane)
      for (int64_t v = 0; v < vectors; ++v)
        for (int i = 0; i < width; ++i)
          rows[v * stride + i][lane] = first + lane < s.batch ? tensor[((first + lane) * vectors + v) * width + i] : 0;
  }
  void gather(const Row<T>* rows, int64_t stride, int64_t vectors, int width, T* tensor) const {
    for (int lane = 0; lane < Row<T>::LANES && first + lane < s.batch; ++lane)
      for (int64_t v = 0; v < vectors; ++v)
        for (int i = 0; i < width; ++i) tensor[((first + lane) * vectors + v) * width + i] = rows[v * stride + i][lane];
  }

  void forward() const {
    spread(tensors.keys, s.incoming, inner, saved, 2 * inner);
    spread(tensors.values, s.incoming, inner, saved + inner, 2 * inner);
    spread(tensors.embedded, s.steps, d, step(0), record);
    std::vector<Row<T>> middle(d), product(gated);
    for (int64_t t = 0; t < s.steps; ++t) {
      Row<T>* now = step(t);
      for (int l = 0; l < s.layers; ++l) {
        Row<T>* at = now + l * part;
        at[scale] = normalise(at, d, at + normed);
        layers[l].inputs.apply(at + normed, at + queries);
        std::fill_n(at + read, inner, Row<T>(0));
        std::copy_n(at, d, middle.data());
        if (window(t)) {  // without any slot attention adds nothing, its bias included
          attend(t, l);
          layers[l].output.apply(at + read, middle.data(), at);
        }
        at[scale_again] = normalise(middle.data(), d, at + normed_again);
        layers[l].widen.apply(at + normed_again, at + wide);
        for (int i = 0; i < gated; ++i) {
          Row<T> gelu, slope;
          gelu_and_slope(at[wide + gated + i], gelu, slope);
          product[i] = at[wide + i] * gelu;
        }
        layers[l].narrow.apply(product.data(), at + part, middle.data());
      }
      if (s.causal) continue;
      std::fill_n(now + mixture, d, Row<T>(0));
      for (int l = 0; l <= s.layers; ++l)
        for (int i = 0; i < d; ++i) add_product(now[mixture + i], tensors.shares[l], now[l * part + i]);
      to_memory[0].apply(now + mixture, saved + (s.incoming + t) * 2 * inner);
    }
    gather(step(0) + top, record, s.steps, d, tensors.tops);
    gather(saved + (slots - s.returned) * 2 * inner, 2 * inner, s.returned, inner, tensors.keys_out);
    gather(saved + (slots - s.returned) * 2 * inner + inner, 2 * inner, s.returned, inner, tensors.values_out);
  }

  void attend(int64_t t, int l) const {
    Row<T>* at = step(t) + l * part;
    for (int h = 0, e = s.head_width; h < s.heads; ++h) {
      const int64_t newest = (h + 1) * s.columns, begin = newest - window(t);
      const Row<T>* keys = first_key(t, l) + h * e;
      compare(at + queries + h * e, keys, slot_stride(), window(t), e, tensors.bias + begin, at + attention + begin);
      softmax(at + attention + begin, window(t));
      mix(at + attention + begin, 1, keys + inner, slot_stride(), window(t), at + read + h * e, e);
    }
  }

  void backward() const {
    std::fill_n(work, of_slots, Row<T>(0));
    std::fill_n(work + of_bias, row + s.layers + 1, Row<T>(0));
    Row<T>* left = work + (slots - s.returned) * 2 * inner;
    if (tensors.of_keys_out) spread(tensors.of_keys_out, s.returned, inner, left, 2 * inner);
    if (tensors.of_values_out) spread(tensors.of_values_out, s.returned, inner, left + inner, 2 * inner);
    spread(tensors.of_tops, s.steps, d, work + of_stream, d);
    std::vector<Row<T>> of_mixture(d, Row<T>(0));
    for (int64_t t = s.steps - 1; t >= 0; --t) {
      Row<T>* stream = work + of_stream + t * d;
      if (!s.causal) {
        Row<T>* of_slot = work + (s.incoming + t) * 2 * inner;
        pull(s.incoming + t, 0, s.layers, of_slot);
        to_memory[0].apply_transposed(of_slot, of_mixture.data());
      }
      for (int l = s.layers; l >= 0; --l) {
        if (l < s.layers) backward(t, l, stream);
        for (int i = 0; i < d && !s.causal; ++i) {  // what the memory vector hands back to layer l
          add_product(stream[i], tensors.shares[l], of_mixture[i]);
          add_product(work[of_shares + l], of_mixture[i], step(t)[l * part + i]);
        }
      }
      if (t % CHUNK == 0) add_weight_gradients(t, std::min<int64_t>(CHUNK, s.steps - t));
    }
    for (int64_t slot = s.incoming - 1; slot >= 0; --slot)
      pull(slot, 0, s.layers, work + slot * 2 * inner);
    if (!s.causal)
      to_memory[0].add_gradient(work + s.incoming * 2 * inner, 2 * inner, step(0) + mixture, record, s.steps,
                                tensors.of_flat);
    gather(work + of_stream, d, s.steps, d, tensors.of_embedded);
    gather(work, 2 * inner, s.incoming, inner, tensors.of_keys);
    gather(work + inner, 2 * inner, s.incoming, inner, tensors.of_values);
    for (int64_t i = 0; i < row; ++i) tensors.of_bias[i] += sum_of<T>(work[of_bias + i]);
    for (int l = 0; l <= s.layers && !s.causal; ++l)
      tensors.of_shares[l] += sum_of<T>(work[of_shares + l]);
  }

  // One layer at one step: `stream` comes as the gradient of its output and leaves as that of its input.
  void backward(int64_t t, int l, Row<T>* stream) const {
    std::vector<Row<T>> back(d);
    const Row<T>* at = step(t) + l * part;
    Row<T>* of = chunk_of(t, l);
    std::copy_n(stream, d, of + of_narrow);
    layers[l].narrow.apply_transposed(stream, of + product);
    for (int i = 0; i < gated; ++i) {
      Row<T> given = of[product + i], value = at[wide + i], gelu, slope;
      gelu_and_slope(at[wide + gated + i], gelu, slope);
      of[product + i] = value * gelu;
      of[of_wide + i] = given * gelu;
      of[of_wide + gated + i] = given * value * slope;
    }
    layers[l].widen.apply_transposed(of + of_wide, back.data());
    add_norm_gradient(back.data(), at + normed_again, at[scale_again], d, stream);
    std::fill_n(of, of_wide, Row<T>(0));
    if (!window(t)) return;
    std::copy_n(stream, d, of + of_output);
    layers[l].output.apply_transposed(stream, reads_of(t, l));
    attend_backward(t, l, of);
    if (s.causal) {
      Row<T>* of_slot = work + (l * s.steps + t) * 2 * inner;
      pull(t, l, l + 1, of_slot);
      std::copy_n(of_slot, 2 * inner, of + inner);
    }
    layers[l].inputs.apply_transposed(of, back.data());
    add_norm_gradient(back.data(), at + normed, at[scale], d, stream);
  }

  void attend_backward(int64_t t, int l, Row<T>* of_queries) const {
    for (int h = 0, e = s.head_width; h < s.heads; ++h) {
      const int64_t newest = (h + 1) * s.columns, begin = newest - window(t);
      const Row<T>* keys = first_key(t, l) + h * e;
      Row<T>* scores = scores_of(t, l);
      compare<T>(reads_of(t, l) + h * e, keys + inner, slot_stride(), window(t), e, nullptr, scores + begin);
      softmax_gradient(step(t) + l * part + attention + begin, scores + begin, window(t));
      for (int64_t j = begin; j < newest; ++j) work[of_bias + j] = work[of_bias + j] + scores[j];
      mix(scores + begin, 1, keys, slot_stride(), window(t), of_queries + h * e, e);
    }
  }

  // The gradients of keys and values: slot by slot, what the queries of later steps that read it hand back. So that
  // queries are fetched once for BLOCK slots, a block's first turn (its newest slot) collects for all of them from all
  // steps behind the block; what is left for a slot's own turn are the steps within.
  void pull(int64_t slot, int first_layer, int last_layer, Row<T>* out) const {
    const int64_t newest = std::min(slot | (BLOCK - 1), s.incoming + s.steps - 1), oldest = slot & -BLOCK;
    for (int l = first_layer; l < last_layer; ++l)
      for (int h = 0; h < s.heads; ++h) {
        for (int64_t each = slot; slot == newest && each >= oldest; --each)
          pull(each, newest + 1, s.incoming + s.steps, l, h, out - (slot - each) * 2 * inner);
        pull(slot, slot + !s.causal, newest + 1, l, h, out);
      }
  }

  // From queries at the places `begin` to `end`. A step later the slot is one older, hence the strides less one.
  void pull(int64_t slot, int64_t begin, int64_t end, int l, int h, Row<T>* out) const {
    begin = std::max(begin - s.incoming, int64_t(0)), slot -= s.incoming;
    end = std::min(end - s.incoming, s.causal ? s.steps : slot + s.memory_size + 1);
    if (begin >= end) return;
    const int64_t age = (h + 1) * s.columns - (begin - slot) - s.causal, e = s.head_width;
    const Row<T>* at = step(begin) + l * part;
    mix(scores_of(begin, l) + age, row - 1, at + queries + h * e, record, end - begin, out + h * e, e);
    mix(at + attention + age, record - 1, reads_of(begin, l) + h * e, inner, end - begin, out + inner + h * e, e);
  }

  void add_weight_gradients(int64_t t, int steps) const {
    for (int l = 0; l < s.layers; ++l) {
      const Row<T>*of = chunk_of(t, l), *at = step(t) + l * part;
      layers[l].inputs.add_gradient(of, chunk_part, at + normed, record, steps, tensors.of_flat);
      layers[l].output.add_gradient(of + of_output, chunk_part, at + read, record, steps, tensors.of_flat);
      layers[l].widen.add_gradient(of + of_wide, chunk_part, at + normed_again, record, steps, tensors.of_flat);
      layers[l].narrow.add_gradient(of + of_narrow, chunk_part, of + product, chunk_part, steps, tensors.of_flat);
    }
  }
};

template <class T> void run(const Sizes& sizes, const Tensors<T>& tensors, bool backward) {
  Model<T> model(sizes, tensors);
  for (; model.first < sizes.batch; model.first += Row<T>::LANES, model.saved += sizes.keep ? model.saved_size : 0)
    backward ? model.backward() : model.forward();
}

// How many numbers `saved` and `work` hold.
template <class T> void measure(const Sizes& sizes, int64_t* result) {
  const Model<T> model(sizes, Tensors<T>{});
  const int64_t groups = sizes.keep ? (sizes.batch + Row<T>::LANES - 1) / Row<T>::LANES : 1;
  result[0] = (groups * model.saved_size + BLOCK) * Row<T>::LANES;
  result[1] = (model.work_size + BLOCK) * Row<T>::LANES;
}

}  // namespace

extern "C" {
void measure_float32(const Sizes* sizes, int64_t* result) { measure<float>(*sizes, result); }
void measure_float64(const Sizes* sizes, int64_t* result) { measure<double>(*sizes, result); }
void forward_float32(const Sizes* sizes, const Tensors<float>* tensors) { run(*sizes, *tensors, false); }
void forward_float64(const Sizes* sizes, const Tensors<double>* tensors) { run(*sizes, *tensors, false); }
void backward_float32(const Sizes* sizes, const Tensors<float>* tensors) { run(*sizes, *tensors, true); }
void backward_float64(const Sizes* sizes, const Tensors<double>* tensors) { run(*sizes, *tensors, true); }
}
