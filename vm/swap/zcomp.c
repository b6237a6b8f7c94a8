#define ZSTD_STATIC_LINKING_ONLY /* for states in memory that is given */
#include "zcomp.h"

#include <lz4.h>
#include <lz4hc.h>
#include <string.h>
#include <zstd.h>

/* What ZSTD_estimateDCtxSize() says, with room for other versions. */
#define ZSTD_STATE (128 << 10)

/* `state` has as many bytes as the algorithm asks for. */
struct zcomp {
	const char *name;
	const char *library; /* its key in the configuration */
	int32_t level;	     /* unless another one was asked for */
	uint64_t (*state_bytes)(int32_t level, int page);
	int (*compress)(void *state, uint64_t bytes, int32_t level,
		const uint8_t *from, int page, uint8_t *to);
	int (*decompress)(const uint8_t *from, int len, uint8_t *to, int page);
};

/* ---- lz4: its level is how much it hurries ---- */

static uint64_t lz4_state(int32_t level, int page)
{
	return (uint64_t)LZ4_sizeofState();
}

static int lz4_pack(void *state, uint64_t bytes, int32_t level,
	const uint8_t *from, int page, uint8_t *to)
{
	return LZ4_compress_fast_extState(state, (const char *)from, (char *)to,
		page, ZCOMP_BYTES, level);
}

static int lz4_unpack(const uint8_t *from, int len, uint8_t *to, int page)
{
	return LZ4_decompress_safe((const char *)from, (char *)to, len, page);
}

/* ---- lz4hc ---- */

static uint64_t lz4hc_state(int32_t level, int page)
{
	return (uint64_t)LZ4_sizeofStateHC();
}

static int lz4hc_pack(void *state, uint64_t bytes, int32_t level,
	const uint8_t *from, int page, uint8_t *to)
{
	return LZ4_compress_HC_extStateHC(state, (const char *)from, (char *)to,
		page, ZCOMP_BYTES, level);
}

/* ---- zstd ---- */

static uint64_t zstd_state(int32_t level, int page)
{
	ZSTD_parameters p = ZSTD_getParams(level, (unsigned)page, 0);

	return ZSTD_estimateCCtxSize_usingCParams(p.cParams);
}

static int zstd_pack(void *state, uint64_t bytes, int32_t level,
	const uint8_t *from, int page, uint8_t *to)
{
	ZSTD_CCtx *c = ZSTD_initStaticCCtx(state, bytes);
	size_t n = ZSTD_compressCCtx(
		c, to, ZCOMP_BYTES, from, (size_t)page, level);

	return ZSTD_isError(n) ? 0 : (int)n;
}

static int zstd_unpack(const uint8_t *from, int len, uint8_t *to, int page)
{
	_Alignas(16) uint8_t state[ZSTD_STATE];
	ZSTD_DCtx *d = ZSTD_initStaticDCtx(state, sizeof(state));
	size_t n =
		d ? ZSTD_decompressDCtx(d, to, (size_t)page, from, (size_t)len)
		  : 0;

	return ZSTD_isError(n) ? 0 : (int)n;
}

/* ---- all of them, in the order in which Linux lists them ---- */

static const struct zcomp table[] = {
	{"lz4", "lz4", 1, lz4_state, lz4_pack, lz4_unpack},
	{"lz4hc", "lz4", LZ4HC_CLEVEL_DEFAULT, lz4hc_state, lz4hc_pack,
		lz4_unpack},
	{"zstd", "zstd", ZSTD_CLEVEL_DEFAULT, zstd_state, zstd_pack,
		zstd_unpack},
};

#define NR_ALGORITHMS (sizeof(table) / sizeof(*table))

const char *zcomp_name(unsigned alg)
{
	return alg < NR_ALGORITHMS ? table[alg].name : NULL;
}

int zcomp_find(const char *name)
{
	for (unsigned i = 0; i < NR_ALGORITHMS; i++)
		if (!strcmp(table[i].name, name))
			return (int)i;
	return -1;
}

uint32_t zcomp_lz4_version(void)
{
	return (uint32_t)LZ4_versionNumber();
}

uint32_t zcomp_zstd_version(void)
{
	return ZSTD_versionNumber();
}

int zcomp_usable(struct vm *m, unsigned alg)
{
	const struct vm_config *c = &m->root->config;
	bool zstd = !strcmp(table[alg].library, "zstd");
	uint32_t made = zstd ? c->zstd : c->lz4;
	uint32_t is = zstd ? zcomp_zstd_version() : zcomp_lz4_version();

	if (made == is)
		return 0;
	return vm_fail(m, EOPNOTSUPP,
		"%s: the machine was made with %s=%u and this is version %u "
		"of the library, which may compress to other lengths: a "
		"replay would differ",
		table[alg].name, table[alg].library, made, is);
}

uint32_t zcomp_compress(struct vm *m, unsigned alg, int32_t level,
	const uint8_t *from, uint8_t *to)
{
	const struct zcomp *z = &table[alg];
	int page = (int)m->page_size, n;
	uint64_t bytes;
	void *state;

	if (level == ZCOMP_NO_LEVEL)
		level = z->level;
	bytes = z->state_bytes(level, page);
	state = scratch_take(m, bytes);
	n = state ? z->compress(state, bytes, level, from, page, to) : 0;
	scratch_give(m, state);
	return n > 0 ? (uint32_t)n : ZCOMP_BYTES;
}

bool zcomp_decompress(const struct vm *m, unsigned alg, const uint8_t *from,
	uint32_t len, uint8_t *to)
{
	int page = (int)m->page_size;

	return table[alg].decompress(from, (int)len, to, page) == page;
}
