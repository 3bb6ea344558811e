package sched

import "math/bits"

// bitset is a set of slots.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i int32) bool {
	w := int(i >> 6)
	return w < len(b) && b[w]&(1<<(uint(i)&63)) != 0
}

// word is 64 bits of the set, also beyond its end.
func (b bitset) word(w int) uint64 {
	if w >= len(b) {
		return 0
	}
	return b[w]
}

// put sets or clears one bit, growing the set as needed.
func (b *bitset) put(i int32, on bool) {
	w := int(i >> 6)
	for w >= len(*b) {
		*b = append(*b, 0)
	}
	if on {
		(*b)[w] |= 1 << (uint(i) & 63)
	} else {
		(*b)[w] &^= 1 << (uint(i) & 63)
	}
}

// add puts all of another set, which is no longer, into this one.
func (b bitset) add(o bitset) {
	for w := range o {
		b[w] |= o[w]
	}
}

// remove takes all of another set, which is no longer, out of this one.
func (b bitset) remove(o bitset) {
	for w := range o {
		b[w] &^= o[w]
	}
}

// keep takes everything out that is not in another set.
func (b bitset) keep(o bitset) {
	for w := range b {
		b[w] &= o.word(w)
	}
}

// each calls f for every member in ascending order until f returns false.
func (b bitset) each(f func(i int32) bool) {
	for w, word := range b {
		for word != 0 {
			i := int32(w<<6 + bits.TrailingZeros64(word))
			word &= word - 1
			if !f(i) {
				return
			}
		}
	}
}
