/* Madgwick's filter in plain C, for comparison: the equations and the ENU reference of fusion/orientation/madgwick.py,
 * without what it does for gaps, unusable samples and the first seconds. Quaternions w x y z, sensor to earth. */
#include <math.h>
#include <stddef.h>

#define INLINE static inline __attribute__((always_inline))

INLINE void step(double q[4], double gx, double gy, double gz, double ax, double ay, double az, int with_mag,
                 double mx, double my, double mz, double dt, double beta)
{
    const double w = q[0], x = q[1], y = q[2], z = q[3];
    double n = 1.0 / sqrt(ax * ax + ay * ay + az * az);
    const double f1 = 2.0 * (x * z - w * y) - ax * n;
    const double f2 = 2.0 * (w * x + y * z) - ay * n;
    const double f3 = 2.0 * (0.5 - x * x - y * y) - az * n;
    double sw = 2.0 * (x * f2 - y * f1);
    double sx = 2.0 * (z * f1 + w * f2) - 4.0 * x * f3;
    double sy = 2.0 * (z * f2 - w * f1) - 4.0 * y * f3;
    double sz = 2.0 * (x * f1 + y * f2);
    if (with_mag) {
        n = 1.0 / sqrt(mx * mx + my * my + mz * mz);
        mx *= n, my *= n, mz *= n;
        const double hx = 2.0 * (mx * (0.5 - y * y - z * z) + my * (x * y - w * z) + mz * (x * z + w * y));
        const double hy = 2.0 * (mx * (x * y + w * z) + my * (0.5 - x * x - z * z) + mz * (y * z - w * x));
        const double bz = 2.0 * (mx * (x * z - w * y) + my * (y * z + w * x) + mz * (0.5 - x * x - y * y));
        const double by = sqrt(hx * hx + hy * hy);
        const double f4 = 2.0 * (by * (x * y + w * z) + bz * (x * z - w * y)) - mx;
        const double f5 = 2.0 * (by * (0.5 - x * x - z * z) + bz * (w * x + y * z)) - my;
        const double f6 = 2.0 * (by * (y * z - w * x) + bz * (0.5 - x * x - y * y)) - mz;
        const double r = by * (f5 - f4);
        sw += 2.0 * (r * w + (by * z - bz * y) * f4 + bz * x * f5 - by * x * f6);
        sx += 2.0 * (r * x + (by * y + bz * z) * f4 + (bz * w - 2.0 * by * x) * f5 - (by * w + 2.0 * bz * x) * f6);
        sy += 2.0 * (r * y + (by * x - bz * w) * f4 + bz * z * f5 + (by * z - 2.0 * bz * y) * f6);
        sz += 2.0 * (r * z + (by * w + bz * x) * f4 + (bz * y - 2.0 * by * z) * f5 + by * y * f6);
    }
    n = beta / sqrt(sw * sw + sx * sx + sy * sy + sz * sz);
    const double nw = w + dt * (0.5 * (-x * gx - y * gy - z * gz) - n * sw);
    const double nx = x + dt * (0.5 * (w * gx + y * gz - z * gy) - n * sx);
    const double ny = y + dt * (0.5 * (w * gy - x * gz + z * gx) - n * sy);
    const double nz = z + dt * (0.5 * (w * gz + x * gy - y * gx) - n * sz);
    n = 1.0 / sqrt(nw * nw + nx * nx + ny * ny + nz * nz);
    q[0] = nw * n, q[1] = nx * n, q[2] = ny * n, q[3] = nz * n;
}

/* One sensor, nine axes: gyr, acc, mag [n][3], out [n][4]. */
void one(ptrdiff_t n, double *restrict quat, const double *restrict gyr, const double *restrict acc,
         const double *restrict mag, double dt, double beta, double *restrict out)
{
    double q[4] = {quat[0], quat[1], quat[2], quat[3]};
    for (ptrdiff_t i = 0; i < n; i++) {
        const double *g = gyr + 3 * i, *a = acc + 3 * i, *m = mag + 3 * i;
        step(q, g[0], g[1], g[2], a[0], a[1], a[2], 1, m[0], m[1], m[2], dt, beta);
        for (int c = 0; c < 4; c++)
            out[4 * i + c] = q[c];
    }
    for (int c = 0; c < 4; c++)
        quat[c] = q[c];
}

INLINE void row(ptrdiff_t lanes, ptrdiff_t rows, double *restrict q0, double *restrict q1, double *restrict q2,
                double *restrict q3, const double *restrict g, const double *restrict a, int with_mag,
                const double *restrict m, const double *restrict dt, double beta, double *restrict o0,
                double *restrict o1, double *restrict o2, double *restrict o3)
{
#pragma GCC ivdep
    for (ptrdiff_t n = 0; n < lanes; n++) {
        double q[4] = {q0[n], q1[n], q2[n], q3[n]};
        step(q, g[n], g[rows + n], g[2 * rows + n], a[n], a[rows + n], a[2 * rows + n], with_mag,
             with_mag ? m[n] : 0.0, with_mag ? m[rows + n] : 0.0, with_mag ? m[2 * rows + n] : 0.0, dt[n], beta);
        o0[n] = q0[n] = q[0], o1[n] = q1[n] = q[1], o2[n] = q2[n] = q[2], o3[n] = q3[n] = q[3];
    }
}

/* Sensors side by side: quat [4][lanes], gyr, acc, mag [3][steps][lanes], dt [steps][lanes], out [4][steps][lanes];
 * six axes if mag is null. */
void many(ptrdiff_t steps, ptrdiff_t lanes, double *restrict quat, const double *restrict gyr,
          const double *restrict acc, const double *restrict mag, const double *restrict dt, double beta,
          double *restrict out)
{
    const ptrdiff_t rows = steps * lanes;
    for (ptrdiff_t k = 0; k < rows; k += lanes) {
        double *q = quat, *o = out + k;
        if (mag)
            row(lanes, rows, q, q + lanes, q + 2 * lanes, q + 3 * lanes, gyr + k, acc + k, 1, mag + k, dt + k, beta,
                o, o + rows, o + 2 * rows, o + 3 * rows);
        else
            row(lanes, rows, q, q + lanes, q + 2 * lanes, q + 3 * lanes, gyr + k, acc + k, 0, mag, dt + k, beta, o,
                o + rows, o + 2 * rows, o + 3 * rows);
    }
}
